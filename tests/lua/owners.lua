local function same(a, b) if a ~= b then error(("`%s` is not `%s`"):format(tostring(a), tostring(b)), 2) end end

-- What checks have by themselves: the figures of a row that a gap hid raise an error.
function value_or(item, field, default)
  if item.fields and not item.fields[field] then error("no field " .. field) end
  local seen, value = pcall(function() return item[field] end)
  if not seen or value == nil then return default end
  return value
end
function who(process) return ("%s (pid %d)"):format(process.name, process.pid) end

local owners = require "casebook.owners"
local hidden = setmetatable({ fields = false }, { __index = function() error("not known") end })
local web = { process = { pid = 812, name = "nginx", user = "www", unit = "nginx.service" } }

same(owners.name(web), "nginx (pid 812)")
same(owners.name({}), "an unseen process")
same(owners.name({}, "nobody"), "nobody")
-- A connection knows nothing of the kernel; a field that its probe does not have is an error.
same(owners.name({ fields = { process = true } }), "an unseen process")
same(owners.name(hidden), "an unseen process")
same(owners.name({ in_kernel = true }), "the kernel")
same(owners.name({ in_kernel = false }), "an unseen process")
same(owners.name({ in_kernel = true, unit = "nfs-server.service" }), "the kernel for nfs-server.service")
same(owners.name({ unit = "nginx.service" }, "nobody"), "an unseen process of nginx.service")
same(owners.unit({ unit = "nginx.service" }), "nginx.service")
same(owners.data({ unit = "nginx.service" }).unit, "nginx.service")
same(owners.unit({ fields = { process = true } }), nil)
same(owners.unit(web), "nginx.service")
same(owners.unit(hidden), nil)
same(owners.service(web), "nginx.service")
same(owners.service({ process = { pid = 1, name = "x", unit = "docker-12ab.scope" } }), nil)
same(owners.service({ process = { pid = 1, name = "x" } }), nil)
same(owners.service(hidden), nil)
same(owners.data(web).pid, 812)
same(owners.data(web).process, "nginx")
same(owners.data(web).user, "www")
same(next(owners.data(hidden)), nil)
