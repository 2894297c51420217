return check { name = "run_remedy_flood", summary = "hostile", needs = { "sockets", "sysctl", "logs" }, run = function(cx, params)
  local finding = cx.ok("x")
  while true do finding:remedy { ["do"] = "x" } end
end }
