local function worst(listeners)
  local best, most = nil, -1
  for _, listener in ipairs(listeners) do
    local waiting = listener.queue
    if waiting > most then best, most = listener, waiting end
  end
  return best
end

local function judge(cx, kernel, listener)
  if kernel.tcp.listen_overflows and kernel.tcp.listen_overflows > 0 then
    return cx.critical(plural(kernel.tcp.listen_overflows, "handshake") .. " ended at a full accept queue")
  end
  if listener and listener.backlog and listener.queue > listener.backlog then
    return cx.warning("the accept queue of port " .. listener.port .. " is full")
  end
  return cx.ok("no accept queue is full")
end

return check {
  name = "syn_backlog",
  summary = "Do listeners accept connections as fast as they come?",
  needs = { "sockets", "kernel" },
  run = function(cx)
    local answers = cx.together { { "sockets", { window = "1s" } }, { "kernel", { window = "1s" } } }
    local sockets, kernel = answers[1], answers[2]
    local tcp = sockets.listeners:where(function(listener) return listener.protocol == "tcp" end)
    return judge(cx, kernel, worst(tcp)):data { half_open = sockets.counts.tcp_syn_recv }
  end,
}
