local _ENV = setmetatable({}, { __index = _G })
if rawget(_G, "io") and pcall(function() return rawget(_G, "io").open end) then return "ESCAPED" end
_ENV = { _G = _G }
return _G.io.open(_G.SECRET)
