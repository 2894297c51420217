--- Programs that run in the background, by the sockets that they hold, for checks and runbooks that ask whether one runs at all.
---@class casebook.daemons
local daemons = {}

local seen = require "casebook.seen"

-- The kernel keeps 15 bytes of a name.
local KEPT = 15

---The first of some programs that holds a socket. Those that hold none are not seen, and neither are those of others where
---only one's own may be looked at: then the list has a gap, and nothing here says that there is none.
---@param sockets table evidence of the probe `sockets`, with owners
---@param names string[] names of programs, as they are called in full: `systemd-timesyncd`
---@return table|nil row a row of `processes`, with a field `process`
function daemons.running(sockets, names)
  local wanted = {}
  for _, name in ipairs(names) do wanted[name:sub(1, KEPT)] = true end
  if not sockets.available then return nil end
  for row in seen.items(value_or(sockets, "processes", nil, nil)) do
    local process = value_or(row, "process", nil, nil)
    if process ~= nil and wanted[process.name] then return row end
  end
  return nil
end

-- Where one of these could not be seen whole, a process may be missing.
local NAMED_IN = { processes = true, ["listeners.process"] = true, ["connections.process"] = true }

---Whether all processes that hold sockets were seen, so that one that was not found is not there.
---@param sockets table evidence of the probe `sockets`, with owners
---@return boolean
function daemons.all_seen(sockets)
  if not sockets.available or value_or(sockets, "processes", nil, nil) == nil then return false end
  for _, part in ipairs(about(sockets).missing) do
    for _, field in ipairs(part.fields) do
      if NAMED_IN[field] then return false end
    end
  end
  return value_or(sockets, "processes_left_out", nil, nil) == 0
end

return daemons
