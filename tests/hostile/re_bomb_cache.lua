local i = 0
while true do i = i + 1 re.test("x", "x{50}" .. i .. "[a-z]{200}") end
