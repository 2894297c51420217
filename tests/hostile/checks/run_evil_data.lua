return check { name = "run_evil_data", run = function(cx)
  local function loop() while true do end end
  return cx.ok(setmetatable({}, { __tostring = loop, __name = "evil" })):data(setmetatable({}, { __pairs = loop, __index = loop }))
end }
