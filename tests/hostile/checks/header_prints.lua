for i = 1, 1e9 do print("flood", i) end
