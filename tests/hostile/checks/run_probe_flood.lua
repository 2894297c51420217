return check { name = "run_probe_flood", needs = { "sockets" }, run = function(cx)
  while true do pcall(cx.probe, "sockets", {}) end
end }
