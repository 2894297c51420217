local t = {}
while collectgarbage("count") < 31 * 1024 do t[#t + 1] = ("x"):rep(10000) .. #t end
while true do local s = ("y"):rep(200000) .. #t end
