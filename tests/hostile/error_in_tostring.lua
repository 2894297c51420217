local meta = {}
meta.__tostring = function(e) error(setmetatable({}, meta)) end
error(setmetatable({}, meta))
