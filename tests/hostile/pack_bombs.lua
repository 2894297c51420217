while true do
  pcall(string.pack, ("i16"):rep(100000), 1)
  pcall(string.pack, "!16" .. ("x"):rep(5000000))
  pcall(string.packsize, ("c2147483647"):rep(3))
  pcall(string.pack, "c2147483647", "x")
  pcall(string.unpack, ("z"):rep(1000000), ("\0"):rep(1000000))
  pcall(string.unpack, "s8", ("\xff"):rep(8))
  pcall(string.unpack, "<i8", "x", math.mininteger)
end
