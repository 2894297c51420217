local a = ("x"):rep(6000000)
while true do local b = a .. "y" end
