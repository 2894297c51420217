for _, f in ipairs({ load, loadfile, dofile, loadstring }) do
  if pcall(f, SECRET) then return "ESCAPED" end
end
return load(string.rep("\27Lua", 3), "x", "b")
