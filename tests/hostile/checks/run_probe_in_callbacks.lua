return check { name = "run_probe_in_callbacks", summary = "hostile", needs = { "sockets", "sysctl", "logs" }, run = function(cx, params)
  table.sort({ 3, 2, 1 }, function(a, b) cx.probe("sysctl", {}) return a < b end)
  ("aa"):gsub("a", function() cx.probe("sysctl", {}) end)
  re.gsub("aa", "a", function() coroutine.wrap(function() cx.probe("sysctl", {}) coroutine.yield() end)() end)
  return cx.ok("asked")
end }
