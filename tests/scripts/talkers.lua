-- Processes by what they receive.
local function by(field)
  return function(a, b) return a[field] > b[field] end
end

return check {
  name = "talkers",
  summary = "Which remotes send most?",
  params = { rows = { type = "integer", default = 5, min = 1, max = 50, help = "How many to tell" } },
  needs = { "capture", "interfaces" },
  run = function(cx, params)
    local rates = cx.probe("interfaces", { window = cx.window })
    local traffic = cx.probe("capture", { window = cx.window, top = 2 * params.rows })
    local rows = {}
    for index, remote in ipairs(traffic.remotes.top) do
      if index > params.rows then goto done end
      rows[#rows + 1] = { address = remote.address, bytes = remote.bytes }
    end
    ::done::
    table.sort(rows, by "bytes")
    local words = {}
    for _, row in ipairs(rows) do words[#words + 1] = ("%s %s"):format(row.address, bytes(row.bytes)) end
    local total = rates.watched and rates.watched.rx.bits_per_second
    local sentence = (total and bitrate(total) .. " in, most from " or "most from ") .. join(words, ", ", 3)
    return cx.ok(sentence):data { rows = rows, at = math.floor(cx.now) }
  end,
}
