local all = {}
while true do
  all[#all + 1] = coroutine.wrap(function()
    local mine = {}
    while true do for i = 1, 1000 do mine[#mine + 1] = i .. "x" end coroutine.yield() end
  end)
  for i = 1, #all do pcall(all[i]) end
end
