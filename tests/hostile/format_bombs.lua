local f = ("%99.99f"):rep(20)
local n = {}
for i = 1, 20 do n[i] = 1.7e308 end
while true do
  pcall(string.format, "%" .. ("0"):rep(10000) .. "d", 1)
  pcall(string.format, "%999999999d", 1)
  pcall(string.format, "%.999999999f", 1)
  pcall(string.format, f, table.unpack(n))
  pcall(string.format, ("%%"):rep(1000000))
  pcall(string.format, "%q", ("\0"):rep(1000000))
  pcall(string.format, "%n%p%z", print)
end
