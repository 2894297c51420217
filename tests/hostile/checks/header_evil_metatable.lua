local function loop() while true do end end
return check(setmetatable({ name = "header_evil_metatable" }, {
  __index = loop, __len = loop, __pairs = loop, __tostring = loop, __eq = loop, __name = loop, __metatable = loop, __call = loop, __close = loop,
}))
