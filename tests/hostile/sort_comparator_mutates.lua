local t = {}
for i = 1, 5000 do t[i] = i * 7919 % 5003 end
while true do
  pcall(table.sort, t, function(a, b)
    for i = #t, 1, -100 do t[i] = nil end
    t[#t + 1] = {}
    return tostring(a) < tostring(b)
  end)
end
