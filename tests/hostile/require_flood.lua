local i = 0
while true do i = i + 1 pcall(require, "none" .. i) end
