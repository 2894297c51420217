while true do
  pcall(utf8.char, table.unpack({ 0x7fffffff, -1, 1 << 40 }))
  pcall(utf8.codepoint, ("\xf4\x90\x80\x80"):rep(100), 1, -1)
  pcall(utf8.codepoint, ("a"):rep(3000000), 1, -1)
  pcall(utf8.offset, ("\x80"):rep(1000000), 1 << 62)
  pcall(utf8.offset, ("\x80"):rep(1000000), math.mininteger, 1)
  pcall(function() for _ in utf8.codes(("\xff"):rep(10), true) do end end)
end
