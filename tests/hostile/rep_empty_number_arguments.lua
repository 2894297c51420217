while true do
  pcall(string.rep, "", 1 << 62)
  pcall(string.rep, "", 1e18, "")
  pcall(string.rep, 1, -1)
  pcall(string.rep, "", "1000000000000000")
end
