return check { name = "run_sentence_of_control_characters", summary = "hostile", needs = { "sockets", "sysctl", "logs" }, run = function(cx, params)
  return cx.ok(string.rep("\1", 20 * 1000 * 1000))
end }
