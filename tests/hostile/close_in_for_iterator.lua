local closing = setmetatable({}, { __close = function() while true do end end })
for _ in function() return nil end, nil, nil, closing do end
for _ in function() error("x") end, nil, nil, closing do end
