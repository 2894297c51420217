local LIMIT <const> = 0.9

local Report = {}
Report.__index = Report

function Report.new() return setmetatable({ lines = {} }, Report) end

function Report:add(...)
  for _, line in ipairs({ ... }) do table.insert(self.lines, tostring(line)) end
  return self
end

function Report:text() return table.concat(self.lines, "; ") end

local function run(cx, params)
  local host = cx.probe("host")
  if not cx.known(host, "memory") then return cx.unknown("memory could not be read") end
  local report = Report.new()
  local used = host.memory.used_share
  report:add("memory " .. percent(used)):add("swap " .. percent(value_or(host.swap, "used_share", 0)))
  local ok, why = pcall(function()
    if host.pressure and host.pressure.memory_full > params.stalled then error({ code = "stalled" }) end
  end)
  if not ok then
    return cx.critical(report:text()):data { why = type(why) == "table" and why.code or tostring(why) }
  end
  if used > LIMIT then return cx.warning(report:text()) end
  return cx.ok(report:text())
end

return check {
  name = "memory_short",
  summary = "Is memory short?",
  params = { stalled = { type = "share", default = "10%", help = "Time that everything may wait for memory" } },
  needs = { "host" },
  run = run,
}
