local shares = require "casebook.shares"
local function same(a, b) if a ~= b then error(("%s is not %s"):format(tostring(a), tostring(b)), 2) end end
local function near(a, b) if math.abs(a - b) > 1e-9 then error(("%s is not %s"):format(a, b), 2) end end

same(shares.of(1, 4), 0.25)
same(shares.of(1, 0), nil)
same(shares.of(nil, 4), nil)
near(shares.top({ a = 5, b = 3, c = 2 }), 0.5)
near(shares.top({ a = 5, b = 3, c = 2 }, 2), 0.8)
near(shares.top({ a = 5 }, 9), 1)
same(shares.top({}), nil)
same(shares.top({ 0, 0 }), nil)
local list = shares.list { b = 1, a = 1, c = 2 }
same(list[1].key, "c") same(list[2].key, "a") near(list[1].share, 0.5)
same(shares.needed({ 50, 30, 15, 5 }, 0.9), 3)
same(shares.needed({ 50, 30, 15, 5 }, 1), 4)
same(shares.needed({ 0.1, 0.2, 0.3 }, 1), 3)
same(shares.needed({}, 0.5), nil)
near(shares.gini { 1, 1, 1, 1 }, 0)
near(shares.gini { 0, 0, 0, 1 }, 0.75)
near(shares.gini { 1, 2, 3, 4, 5 }, 4 / 15)
near(shares.gini { 7 }, 0)
same(shares.gini {}, nil)
near(shares.effective { 1, 1, 1, 1 }, 4)
near(shares.effective { 9, 0, 0 }, 1)
same(shares.effective {}, nil)
-- The measures agree with one another: the more equal, the lower Gini and the more effective senders.
for n = 1, 50 do
  local equal, one = {}, {}
  for index = 1, n do equal[index], one[index] = 3, index == 1 and 1 or 0 end
  near(shares.gini(equal), 0)
  near(shares.effective(equal), n)
  near(shares.gini(one), (n - 1) / n)
  near(shares.top(one), 1)
end
assert(not pcall(shares.gini, { -1, 2 }))
assert(not pcall(shares.top, { 0 / 0 }))
