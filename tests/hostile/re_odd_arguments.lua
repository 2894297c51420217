for _, f in pairs(re) do
  for _, a in ipairs({ 1, {}, "x", "\xff\xfe", false, print, coroutine.create(print) }) do
    for _, b in ipairs({ 1, {}, "(", "\xff", "", "(?P<a>x)|(?P<b>y)", print }) do
      pcall(f, a, b, "$1$a${zz}", -1)
      pcall(f, a, b, setmetatable({}, { __index = error }), 2)
      pcall(f, a, b, math.huge, 1 << 62)
    end
  end
end
return "done"
