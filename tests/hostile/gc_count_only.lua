for _, what in ipairs({ "collect", "step", "stop", "restart", "generational", "incremental", "isrunning" }) do
  if pcall(collectgarbage, what) then return "ESCAPED " .. what end
end
if pcall(collectgarbage) then return "ESCAPED" end
return collectgarbage("count") > 0
