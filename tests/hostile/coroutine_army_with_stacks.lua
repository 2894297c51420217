local army = {}
local function deep(n) if n > 0 then return deep(n - 1) + 1 end coroutine.yield() return 0 end
for i = 1, 1e6 do
  local co = coroutine.wrap(function() deep(5000) end)
  co()
  army[i] = co
end
