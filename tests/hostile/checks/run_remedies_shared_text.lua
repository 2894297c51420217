return check { name = "run_remedies_shared_text", summary = "hostile", needs = { "sockets", "sysctl", "logs" }, run = function(cx, params)
  local findings, long = {}, string.rep("a", 10 * 1000 * 1000)
  for i = 1, 100 do
    findings[i] = cx.ok("x")
    for _ = 1, 16 do findings[i]:remedy { ["do"] = long, run = long, undo = long, risk = long } end
  end
  return findings
end }
