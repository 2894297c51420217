local function spawn()
  local co = coroutine.create(spawn)
  coroutine.resume(co)
  while true do spawn() end
end
spawn()
