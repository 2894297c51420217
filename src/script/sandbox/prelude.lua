-- What of Lua's own is not safe as it is, made safe. Run once in each fresh state, before any script; what it needs of the
-- state it keeps in locals, out of reach of scripts. `engine` is what Rust lends.
local engine = ...
local caught, emit, go_on, raised, refused = engine.caught, engine.emit, engine.go_on, engine.raised, engine.refused

local error, getmetatable, ipairs, rawget, select, setmetatable, tostring, type =
  error, getmetatable, ipairs, rawget, select, setmetatable, tostring, type
local raw_pcall, raw_collect = pcall, collectgarbage
local create, raw_resume, raw_close = coroutine.create, coroutine.resume, coroutine.close
local concat, insert, pack = table.concat, table.insert, table.pack

-- No guard shows in a place: errors are in the line of the script that called.
local function refuse(message) error(message, 3) end

-- A table that is raised shows its fields at the end, not its address.
local raw_error = error
function _G.error(value, level)
  if type(value) == "table" and type(getmetatable(value)) ~= "table" then raised(value) end
  if level == nil then level = 1 end
  -- One for this function.
  if type(level) == "number" and level > 0 then level = level + 1 end
  raw_error(value, level)
end

-- Protected calls. A script that was stopped catches nothing: `caught` raises again. The handler of xpcall runs after the
-- error has unwound the stack, because while Lua runs one for a stop, nothing can stop it.
local function result(ok, ...)
  if ok then return true, ... end
  return false, caught(...)
end

function pcall(f, ...) return result(raw_pcall(f, ...)) end

local function second(_, ...) return ... end

local function handle(handler, ok, ...)
  if ok then return true, ... end
  return false, second(result(raw_pcall(handler, caught(...))))
end

function xpcall(f, handler, ...) return handle(handler, raw_pcall(f, ...)) end

-- Coroutines. One that a stop has ended is never closed: its `<close>` variables would run where nothing can stop them.
function coroutine.resume(co, ...) return result(raw_resume(co, ...)) end

function coroutine.close(co)
  go_on()
  return result(raw_close(co))
end

function coroutine.wrap(f)
  local co = create(f)
  local function values(ok, ...)
    if ok then return ... end
    local failure = caught(...)
    raw_close(co)
    error(failure, 0)
  end
  return function(...) return values(raw_resume(co, ...)) end
end

-- Finalizers run where nothing can stop them.
function _G.setmetatable(object, meta)
  if type(meta) == "table" and rawget(meta, "__gc") ~= nil then refuse("`__gc` is not available in checks") end
  return setmetatable(object, meta)
end

function _G.collectgarbage(what)
  if what ~= "count" then refuse("`collectgarbage` only tells \"count\" in checks; memory is freed by itself") end
  return raw_collect("count")
end

-- Appending is what scripts do most: without a way through Rust.
function table.insert(list, ...)
  if select("#", ...) == 1 and type(list) == "table" and getmetatable(list) == nil then
    list[#list + 1] = ...
    return
  end
  return insert(list, ...)
end

function print(...)
  local parts = pack(...)
  for index = 1, parts.n do parts[index] = tostring(parts[index]) end
  emit(concat(parts, "\t", 1, parts.n))
end

log = print

-- Modules that other Lua programs have.
for _, name in ipairs(engine.modules) do
  local function refuse_all(_, field) refused(type(field) == "string" and name .. "." .. field or name) end
  _G[name] = setmetatable({}, { __index = refuse_all, __newindex = refuse_all, __call = refuse_all, __metatable = false })
end

getmetatable("").__metatable = false
