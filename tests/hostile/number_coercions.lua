local s = ("1"):rep(1000000)
while true do
  local _ = pcall(function() return s + 1, s * s, -s, s // "3" end)
  tonumber(s)
  tonumber("0x" .. ("f"):rep(1000000) .. "p999999999")
  tonumber("1e" .. s)
  tonumber(("z"):rep(1000000), 36)
  math.tointeger(s)
end
