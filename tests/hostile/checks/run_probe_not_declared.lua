return check { name = "run_probe_not_declared", run = function(cx)
  if pcall(cx.probe, "sockets", {}) then return cx.critical("ESCAPED") end
  return cx.probe("logs", { paths = { "/etc/passwd" } })
end }
