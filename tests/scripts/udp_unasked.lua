-- Who sends us UDP that nobody asked for?
local net = {}

-- Addresses that are never worth a line.
function net.is_local(address)
  return re.test(address, "^(127\\.|::1$|fe80:)")
end

return check {
  name = "udp_unasked",
  summary = "Who sends UDP to ports on which nothing listens?",
  tags = { "udp", "flood" },
  symptoms = { "too much inbound traffic" },
  params = {
    window = { type = "duration", default = "5s", min = "1s", max = "1m", help = "How long to watch" },
    few = { type = "share", default = "5%", help = "A share of UDP that is normal" },
  },
  needs = { "capture", "sockets" },
  run = function(cx, params)
    local seen = cx.together { capture = { window = params.window }, sockets = { window = 0, owners = false } }
    local capture, sockets = seen.capture, seen.sockets
    if not capture.available then
      return cx.unknown("cannot watch packets: " .. capture.gap.why)
    end
    local open = {}
    for _, listener in ipairs(sockets.listeners:where { protocol = "udp" }) do
      open[listener.port] = listener
    end
    local share = capture.udp.share
    if share < params.few then
      return cx.ok("UDP is " .. percent(share) .. " of what comes in"):data { share = share }
    end
    local findings = {}
    for name, listener in pairs(open) do
      if (listener.drops or 0) > 0 and not net.is_local(listener.address) then
        findings[#findings + 1] = cx.warning(("port %d loses datagrams"):format(name))
          :evidence(sockets)
          :remedy {
            urgency = "now",
            ["do"] = "Look at the process",
            run = sh("ss -ulnpm sport = :{{ port }}", { port = name }),
            risk = "none",
          }
      end
    end
    if #findings > 0 then return findings end
    return cx.critical("UDP is " .. percent(share) .. " of what comes in"):evidence(capture)
  end,
}
