local t = {}
while true do t = setmetatable({ t }, { __index = t }) end
