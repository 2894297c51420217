local tables = require "casebook.tables"
local function same(a, b) if a ~= b then error(("%s is not %s"):format(tostring(a), tostring(b)), 2) end end

same(table.concat(tables.keys { b = 1, a = 2, [10] = 3, [9] = 4 }, " "), "9 10 a b")
same(#tables.keys { [true] = 1, x = 2, [1] = 3, [false] = 4 }, 4)
same(table.concat(tables.values { b = "two", a = "one" }, " "), "one two")
local seen = {}
for key, value in tables.sorted_pairs { z = 1, y = 2, x = 3 } do seen[#seen + 1] = key .. value end
same(table.concat(seen, " "), "x3 y2 z1")
local rows = { { p = "tcp", n = 1 }, { p = "udp", n = 5 }, { p = "tcp", n = 3 }, { n = 9 } }
same(#tables.group(rows, "p").tcp, 2)
same(tables.count_by(rows, "p").tcp, 2)
same(tables.count_by({ "a", "b", "a" }).a, 2)
same(tables.sum_by(rows, "p", "n").tcp, 4)
same(tables.top(rows, 2, "n")[1].n, 9)
same(#tables.top(rows, 10, "n"), 4)
same(#tables.top({ { n = 1 }, {} }, 10, "n"), 1)
same(tables.top({ 3, 9, 4 }, 1)[1], 9)
-- Of equal ones the earlier comes first.
same(tables.top({ { n = 1, id = "a" }, { n = 1, id = "b" } }, 1, "n")[1].id, "a")
local ranking = tables.ranking { a = 1, b = 7, c = 7 }
same(ranking[1].key .. ranking[2].key .. ranking[3].key, "bca")
local merged = tables.merge({ a = 1, b = 2 }, { b = 3 })
same(merged.a, 1) same(merged.b, 3)
same(#tables.map(rows, "p"), 3)
same(#tables.where(rows, function(row) return row.n > 2 end), 3)
assert(tables.equal({ 1, { a = { true } } }, { 1, { a = { true } } }))
assert(not tables.equal({ 1, 2 }, { 1 }))
assert(not tables.equal({ 1 }, { 1, 2 }))
assert(not tables.equal({ a = false }, {}))
assert(tables.equal(1, 1.0) and not tables.equal(1, "1"))
local loop = {} loop.loop = loop
local other = {} other.loop = other
assert(not pcall(tables.equal, loop, other))
local text = tables.text({ { name = "sshd", rx_bytes = 12 }, { name = "ümlaut", rx_bytes = 1234 }, { name = "x" } },
  { "name", { "rx_bytes", title = "in" } })
same(text, "name      in\nsshd      12\nümlaut  1234\nx          -")
same(tables.text({}, { "a", "b_c" }), "a  b c")
same(tables.text({ { v = 0.5 } }, { { "v", show = function(v) return v * 100 .. " %" end } }), "     v\n50.0 %")
