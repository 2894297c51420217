local a, b = ("x"):rep(6000000) .. "1", ("x"):rep(6000000) .. "2"
while true do local _ = a < b, a <= b, a == b end
