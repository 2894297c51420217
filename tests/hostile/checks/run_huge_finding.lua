return check { name = "run_huge_finding", run = function(cx)
  return cx.ok(("x"):rep(10000000)):data { x = ("y"):rep(10000000) }:remedy { urgency = "now", ["do"] = ("z"):rep(10000000), run = "rm -rf /" }
end }
