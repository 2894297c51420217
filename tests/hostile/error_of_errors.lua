local ok, e = pcall(string.find, nil)
for i = 1, 1e9 do
  ok, e = pcall(error, e)
  e = tostring(e) .. tostring(e)
  if #e > 1000000 then e = "" end
end
