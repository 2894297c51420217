return check { name = "run_probe_odd_arguments", needs = { "sockets" }, run = function(cx)
  local cyclic = {}
  cyclic.c = cyclic
  local evil = setmetatable({}, { __index = function() while true do end end, __pairs = function() while true do end end, __tostring = function() while true do end end })
  for _, name in ipairs({ "sockets", "none", "../x", ("x"):rep(1000000), "", "\0", cyclic, print, 1 }) do
    for _, params in ipairs({ cyclic, evil, print, 1, "x", { [print] = 1 }, { window = ("9"):rep(100000) }, { { {} } } }) do
      pcall(cx.probe, name, params)
      pcall(cx.together, { [name] = params })
      pcall(cx.together, { { name, params } })
    end
  end
  return cx.ok("done")
end }
