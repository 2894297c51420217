local t, s = {}, ("x"):rep(3000000)
while true do t[s .. 1] = 1 t[s .. 1] = nil end
