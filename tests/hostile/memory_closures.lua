local chain
while true do local old = chain chain = function() return old end end
