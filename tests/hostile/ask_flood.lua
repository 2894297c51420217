local n = 0
while true do n = ask(n) end
