-- What of Lua's own is not safe as it is, made safe. Run once in each fresh state, before any script; what it needs of the
-- state it keeps in locals, out of reach of scripts. `engine` is what Rust lends.
local engine = ...
local caught, emit, go_on, instead, is_plain, without_place =
  engine.caught, engine.emit, engine.go_on, engine.instead, engine.is_plain, engine.without_place

local error, getmetatable, ipairs, rawget, select, setmetatable, tostring, type =
  error, getmetatable, ipairs, rawget, select, setmetatable, tostring, type
local raw_pcall, raw_collect = pcall, collectgarbage
local create, raw_resume, raw_close = coroutine.create, coroutine.resume, coroutine.close
local concat, insert, move, pack, remove, sort, unpack =
  table.concat, table.insert, table.move, table.pack, table.remove, table.sort, table.unpack
local rep, math_type = string.rep, math.type

-- No guard shows in a place: errors are in the line of the script that called.
local function refuse(message) error(message, 3) end

-- What a function of Lua's own gave to `raw_pcall`; to be called last of all, so that level 2 is the script.
local function answer(ok, ...)
  if ok then return ... end
  local failure = without_place(...)
  error(failure, failure == "not enough memory" and 0 or 2)
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

-- Tables. The C functions loop without end over a length that a metamethod, or a few keys far out, made up.
local MOST = 10000000

-- The table itself, if it is one without metamethods, or a copy of what it shows as a list.
local function listed(name, list)
  if type(list) == "table" and (getmetatable(list) == nil or is_plain(list)) then return list end
  if type(list) ~= "table" and type(list) ~= "userdata" then
    error("bad argument #1 to '" .. name .. "' (table expected, got " .. type(list) .. ")", 3)
  end
  local length = #list
  if math_type(length) ~= "integer" or length > MOST then error("the list is too long for table." .. name, 3) end
  local copy = {}
  for index = 1, length do copy[index] = list[index] end
  return copy
end

-- The table, if it is one without metamethods and of a length that can be.
local function own(name, list)
  if type(list) ~= "table" then
    error("bad argument #1 to '" .. name .. "' (table expected, got " .. type(list) .. ")", 3)
  end
  if getmetatable(list) ~= nil and not is_plain(list) then
    error("table." .. name .. " wants a table without metamethods; make a copy of the list first", 3)
  end
  if #list > MOST then error("the list is too long for table." .. name, 3) end
  return list
end

function table.concat(list, separator, first, last)
  return answer(raw_pcall(concat, listed("concat", list), separator, first, last))
end

function table.unpack(list, first, last)
  return answer(raw_pcall(unpack, listed("unpack", list), first, last))
end

function table.insert(list, ...)
  own("insert", list)
  if select("#", ...) == 1 then
    list[#list + 1] = ...
    return
  end
  return answer(raw_pcall(insert, list, ...))
end

function table.remove(list, ...) return answer(raw_pcall(remove, own("remove", list), ...)) end

function table.move(from, first, last, at, into)
  if math_type(first) == "integer" and math_type(last) == "integer" and last >= first then
    local count = last - first
    if count < 0 or count > MOST then refuse("the range is too long for table.move") end
  elseif math_type(first) ~= "integer" or math_type(last) ~= "integer" then
    refuse("table.move wants whole numbers")
  end
  return answer(raw_pcall(move, from, first, last, at, into))
end

-- Comparing two long texts, or a million of short ones, takes long: with a function in between, it can be stopped.
local function less(a, b) return a < b end

function table.sort(list, before)
  if before ~= nil and type(before) ~= "function" then
    refuse("bad argument #2 to 'sort' (function expected, got " .. type(before) .. ")")
  end
  return answer(raw_pcall(sort, own("sort", list), before or less))
end

-- Strings.
function string.rep(text, count, separator)
  if text == "" and (separator == nil or separator == "") then return "" end
  return answer(raw_pcall(rep, text, count, separator))
end

function print(...)
  local parts = pack(...)
  for index = 1, parts.n do parts[index] = tostring(parts[index]) end
  emit(concat(parts, "\t", 1, parts.n))
end

log = print

-- Names that other Lua programs have. `instead` says what a check does instead.
local function blocked(name)
  return function() refuse("`" .. name .. "` is not available in checks; " .. instead(name)) end
end

for _, name in ipairs({ "io", "os", "debug", "package" }) do
  local function refused(_, field)
    local full = type(field) == "string" and name .. "." .. field or name
    refuse("`" .. full .. "` is not available in checks; " .. instead(full))
  end
  _G[name] = setmetatable({}, { __index = refused, __newindex = refused, __call = refused, __metatable = false })
end
for _, name in ipairs({ "load", "loadstring", "loadfile", "dofile", "setfenv", "getfenv", "module", "newproxy" }) do
  _G[name] = blocked(name)
end
string.dump = blocked("string.dump")
warn = print

getmetatable("").__metatable = false
