return check { name = "run_findings_endless", summary = "hostile", needs = { "sockets", "sysctl", "logs" }, run = function(cx, params)
  return setmetatable({ cx.ok("x") }, { __index = function() return cx.ok("x") end, __len = function() return math.maxinteger end })
end }
