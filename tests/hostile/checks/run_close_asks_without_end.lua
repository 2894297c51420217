return check { name = "run_close_asks_without_end", summary = "hostile", needs = { "sockets", "sysctl", "logs" }, run = function(cx, params)
  local _ <close> = setmetatable({}, { __close = function() while true do pcall(cx.probe, "sysctl", {}) end end })
  error("and closes")
end }
