local function link(n)
  return coroutine.wrap(function() return link(n + 1)() end)
end
local ok, e = pcall(link(1))
while true do pcall(link(1)) end
