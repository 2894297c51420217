return check { name = "run_finding_flood", run = function(cx)
  local all = {}
  while true do all[#all + 1] = cx.ok("finding " .. #all) end
end }
