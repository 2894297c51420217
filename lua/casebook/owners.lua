--- Who holds a socket or a file, for sentences and commands. What could not be seen is said, never guessed.
---@class casebook.owners
local owners = {}

-- Sockets say whether the kernel holds them and what they were made in; other rows have no such fields, and asking for one
-- is an error.
local function field(item, name)
  local has, value = pcall(value_or, item, name, nil, nil)
  return has and value or nil
end

---The process of a listener, connection or other row, for a sentence: `sshd (pid 1822, ssh.service)`.
---@param item table a row with a field `process`
---@param instead? string what to say when no process is known: `an unseen process` unless given, with its unit if that is known
---@return string
function owners.name(item, instead)
  -- Only for words: nothing is judged by it.
  local process = value_or(item, "process", nil, nil)
  if process ~= nil then return who(process) end
  local unit = field(item, "unit")
  if field(item, "in_kernel") == true then return unit and "the kernel for " .. unit or "the kernel" end
  if unit then return "an unseen process of " .. unit end
  return instead or "an unseen process"
end

---The systemd unit or container of a row's process, or that a socket was made in.
---@param item table a row with a field `process`
---@return string|nil unit nil when none is known
function owners.unit(item)
  local process = value_or(item, "process", nil, nil)
  if process == nil then return field(item, "unit") end
  return value_or(process, "unit", nil, nil)
end

---The systemd service of a row's process, if a service is what it belongs to.
---@param item table a row with a field `process`
---@return string|nil service `nginx.service`; nil for containers, sessions and what is not known
function owners.service(item)
  local unit = owners.unit(item)
  if unit ~= nil and unit:sub(-8) == ".service" then return unit end
  return nil
end

---What findings keep of a row's process.
---@param item table a row with a field `process`
---@return { pid: integer|nil, process: string|nil, user: string|nil, unit: string|nil }
function owners.data(item)
  local process = value_or(item, "process", nil, nil)
  if process == nil then return { unit = field(item, "unit") } end
  return {
    pid = value_or(process, "pid", nil, nil),
    process = value_or(process, "name", nil, nil),
    user = value_or(process, "user", nil, nil),
    unit = value_or(process, "unit", nil, nil),
  }
end

return owners
