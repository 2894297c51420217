return check { name = "run_finding_tampered", summary = "hostile", needs = { "sockets", "sysctl", "logs" }, run = function(cx, params)
  local finding = cx.ok("x")
  finding.verdict, finding.sentence, finding.figures, finding.remedies = "critical", {}, 1, print
  return finding
end }
