return check { name = "run_together_shared_text", summary = "hostile", needs = { "sockets", "sysctl", "logs" }, run = function(cx, params)
  -- Ten thousand calls share one text; each would have a copy of its own.
  local long = string.rep("a", 10 * 1000 * 1000)
  local calls = {}
  for i = 1, 10000 do calls[i] = { "sysctl", { names = { long, long } } } end
  pcall(cx.together, calls)
  return cx.ok(tostring(cx.together(calls)))
end }
