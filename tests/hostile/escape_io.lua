for _, name in ipairs({ "open", "popen", "lines", "read", "stdin", "input" }) do
  local ok, e = pcall(function() return io[name](SECRET) end)
  if ok then return "ESCAPED " .. name end
  if not e:find("is not available in checks", 1, true) then return "ESCAPED " .. e end
end
return io.open(SECRET):read("a")
