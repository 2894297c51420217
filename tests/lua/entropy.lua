local entropy = require "casebook.entropy"
local function same(a, b) if a ~= b then error(("%s is not %s"):format(tostring(a), tostring(b)), 2) end end
local function near(a, b) if math.abs(a - b) > 1e-9 then error(("%s is not %s"):format(a, b), 2) end end

same(entropy.bits {}, nil)
same(entropy.bits { a = 0 }, nil)
near(entropy.bits { a = 7 }, 0)
near(entropy.bits { a = 1, b = 1 }, 1)
near(entropy.bits { a = 1, b = 1, c = 2 }, 1.5)
near(entropy.bits { a = 1, b = 1, c = 0 }, 1)
for n = 2, 64 do
  local counts, singles = {}, {}
  for index = 1, n do counts[index], singles[index] = 5, 1 end
  near(entropy.bits(counts), math.log(n, 2))
  near(entropy.normalised(counts), 1)
  near(entropy.of_sample(singles), 1)
  assert(entropy.of_sample(counts) < 1)
  counts[1] = 500
  assert(entropy.normalised(counts) < 1 and entropy.bits(counts) < math.log(n, 2))
end
near(entropy.normalised { 9 }, 0)
same(entropy.normalised {}, nil)
same(entropy.of_sample { 1 }, nil)
near(entropy.of_sample { 2 }, 0)
assert(not pcall(entropy.bits, { -1 }))
local counts = entropy.count { "a", "b", "a" }
same(counts.a, 2) same(counts.b, 1)
