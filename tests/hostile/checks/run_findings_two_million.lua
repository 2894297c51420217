return check { name = "run_findings_two_million", summary = "hostile", needs = { "sockets", "sysctl", "logs" }, run = function(cx, params)
  local findings, one = {}, cx.ok("x")
  for i = 1, 1000 * 1000 do findings[i] = one end
  return findings
end }
