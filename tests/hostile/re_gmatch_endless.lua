local n = 0
while true do for _ in re.gmatch(("x"):rep(100000), "") do n = n + 1 end end
