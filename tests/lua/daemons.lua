local function same(a, b) if a ~= b then error(("`%s` is not `%s`"):format(tostring(a), tostring(b)), 2) end end

function value_or(item, field, default)
  local known, value = pcall(function() return item[field] end)
  if not known or value == nil then return default end
  return value
end
function about(evidence) return { missing = evidence.missing or {} } end

local daemons = require "casebook.daemons"

local function sockets(names, more)
  local found = { available = true, processes = {}, processes_left_out = 0 }
  for index, name in ipairs(names) do found.processes[index] = { process = { pid = index, name = name } } end
  for field, value in pairs(more or {}) do found[field] = value end
  return found
end

-- The kernel cuts names after 15 bytes.
same(daemons.running(sockets { "sshd", "systemd-timesyn" }, { "chronyd", "systemd-timesyncd" }).process.pid, 2)
same(daemons.running(sockets { "sshd", "systemd-timesyx" }, { "chronyd", "systemd-timesyncd" }), nil)
same(daemons.running(sockets {}, { "chronyd" }), nil)
same(daemons.running({ available = false }, { "chronyd" }), nil)

-- None is there only where all were seen.
same(daemons.all_seen(sockets { "sshd" }), true)
same(daemons.all_seen(sockets({ "sshd" }, { processes_left_out = 3 })), false)
same(daemons.all_seen(sockets({ "sshd" }, { missing = { { fields = { "processes.io", "processes" } } } })), false)
same(daemons.all_seen(sockets({ "sshd" }, { missing = { { fields = { "listeners.process", "connections.process" } } } })), false)
same(daemons.all_seen(sockets({ "sshd" }, { missing = { { fields = { "processes.io" } } } })), true)
same(daemons.all_seen { available = true, processes_left_out = 0 }, false)
same(daemons.all_seen { available = false }, false)
