-- Mail that waits: servers far away that do not answer, a relay or name server that is gone, or somebody who sends spam by this
-- host. The queue is counted by its files, as the mail server itself would count it.
local daemons = require "casebook.daemons"
local owners = require "casebook.owners"
local seen = require "casebook.seen"
local spans = require "casebook.spans"
local tables = require "casebook.tables"

-- Where messages wait, and how many files each has there.
local QUEUES = {
  { server = "Postfix", folder = "/var/spool/postfix/deferred", files = 1, list = "postqueue -p | tail -40" },
  { server = "Postfix", folder = "/var/spool/postfix/active", files = 1, list = "postqueue -p | tail -40" },
  { server = "Postfix", folder = "/var/spool/postfix/incoming", files = 1, list = "postqueue -p | tail -40" },
  { server = "Postfix", folder = "/var/spool/postfix/maildrop", files = 1, list = "postqueue -p | tail -40" },
  { server = "Postfix", folder = "/var/spool/postfix/hold", files = 1, list = "postqueue -p | tail -40" },
  { server = "Exim", folder = "/var/spool/exim4/input", files = 2, list = "exim -bp | tail -40; exim -bp | exiqsumm | tail -20" },
  { server = "Exim", folder = "/var/spool/exim/input", files = 2, list = "exim -bp | tail -40; exim -bp | exiqsumm | tail -20" },
  { server = "Sendmail", folder = "/var/spool/mqueue", files = 2, list = "mailq | tail -40" },
  { server = "Sendmail", folder = "/var/spool/clientmqueue", files = 2, list = "mailq -Ac | tail -40" },
  { server = "OpenSMTPD", folder = "/var/spool/smtpd/queue", files = 2, list = "smtpctl show queue | tail -40" },
}
-- Programs that deliver; Postfix calls its first one so.
local SERVERS = { "master", "exim", "exim4", "sendmail", "sendmail-mta", "smtpd" }

-- Why servers could not take a message. The words are those of servers far away.
local DEFERRED = {
  postfix = { match = [[[0-9A-Za-z]+: to=<[^>]*>.*status=deferred \((?P<why>[^()]{1,100})]], program = { "postfix/smtp", "postfix/relay/smtp", "postfix/error" } },
  exim = { match = [[\S+ == \S+ .*defer \(-?\d+\)[^:]*: (?P<why>.{1,100})]], program = { "exim", "exim4" } },
  sendmail = { match = [[[0-9A-Za-z]+: to=.*stat=Deferred: (?P<why>.{1,100})]], program = { "sendmail", "sm-mta" } },
}

-- What stands in the queues of each server together.
local function waiting_of(folders)
  local found = {}
  for _, queue in ipairs(QUEUES) do
    local folder = folders[queue.folder]
    local files = folder ~= nil and value_or(folder, "files", nil, nil) or nil
    if files ~= nil then
      local of = found[queue.server] or { server = queue.server, messages = 0, complete = true, list = queue.list, folders = {} }
      local messages = math.ceil(files / queue.files)
      of.messages = of.messages + messages
      of.complete = of.complete and folder.complete
      of.folders[queue.folder] = messages
      local oldest = value_or(folder, "oldest", nil, nil)
      if oldest ~= nil and (of.oldest == nil or oldest < of.oldest) then of.oldest = oldest end
      found[queue.server] = of
    end
  end
  return tables.values(found)
end

local function reason(logs)
  local most
  if not logs.available then return nil end
  for _, name in ipairs(tables.keys(DEFERRED)) do
    local hits = value_or(logs.patterns, name, nil, nil)
    local whys = hits ~= nil and value_or(hits.captures, "why", nil, nil) or nil
    for capture in seen.items(whys) do
      if most == nil or capture.count > most.times then most = { why = capture.value, times = capture.count } end
    end
  end
  return most
end

return check {
  name = "mail_queue",
  summary = "Does mail pile up, and does this host send to very many mail servers?",
  tags = { "mail", "queue", "postfix", "exim", "sendmail" },
  symptoms = { "mail arrives late", "mail does not arrive", "the queue grows", "our address is on a blocklist" },
  params = {
    many = { type = "integer", default = 500, min = 1, help = "So many messages that wait are warned of: a few hundred wait on any busy server, for hosts that are gone." },
    severe = { type = "integer", default = 5000, min = 1, help = "So many are critical: they take hours to deliver, and each one costs a look at each attempt." },
    peers = {
      type = "integer", default = 30, min = 2,
      help = "Connections to so many mail servers at a time are warned of: few hosts but those of newsletters and of spam have as many.",
    },
    since = { type = "duration", default = "1h", min = "1m", max = "7d", help = "How far back to look in the logs for the reasons." },
  },
  needs = { "file", "sockets", "logs" },
  run = function(cx, params)
    local places = {}
    for index, queue in ipairs(QUEUES) do places[index] = queue.folder end
    local looked = cx.together {
      file = { folders = places },
      sockets = { window = "1s", limit = 10000 },
      logs = { since = params.since, patterns = DEFERRED, samples = 1 },
    }
    local sockets, found = looked.sockets, {}
    local folders = {}
    for folder in seen.items(looked.file.available and looked.file.folders or nil) do folders[folder.path] = folder end
    local queues = waiting_of(folders)
    local why = reason(looked.logs)
    local because = why ~= nil and ("; most often (%s): “%s”"):format(plural(why.times, "time"), why.why) or ""

    local most
    for _, of in ipairs(queues) do
      if most == nil or of.messages > most.messages then most = of end
      local figures = { server = of.server, messages = of.messages, folders = of.folders, oldest = of.oldest, reason = why and why.why }
      if of.messages >= params.many then
        local verdict = of.messages >= params.severe and cx.critical or cx.warning
        local old = of.oldest ~= nil and spans.parse_iso(of.oldest) or nil
        local finding = verdict(("%s%s wait in the queue of %s%s%s%s"):format(of.complete and "" or "more than ", plural(of.messages, "message"),
          of.server, old ~= nil and (", the oldest for %s"):format(span(math.max(0, cx.now - old))) or "", because,
          daemons.all_seen(sockets) and daemons.running(sockets, SERVERS) == nil and "; no mail server was seen that would deliver them" or ""))
        finding:data(figures):remedy {
          urgency = "now",
          ["do"] = "See whose they are, where they go to, and what the other side says. Many senders or strange ones are spam: find the account or the script first.",
          run = of.list,
          risk = "none",
        }
        if of.server == "Postfix" then
          finding:remedy {
            urgency = "now",
            ["do"] = "Hold what waits while you look, so that nothing more of it leaves.",
            run = "postsuper -h ALL deferred",
            undo = "postsuper -H ALL",
            risk = "medium: honest mail waits, too",
          }
        end
        found[#found + 1] = finding
      end
    end

    -- Who talks to many mail servers, whether or not a queue is to be seen: spam is mostly sent without one.
    local connections = sockets.available and value_or(sockets, "connections", nil, nil) or nil
    local by_owner, names = {}, {}
    for connection in seen.items(connections) do
      if connection.remote_port == 25 then
        local process = value_or(connection, "process", nil, nil)
        local key = process ~= nil and process.name or owners.name(connection)
        names[key] = names[key] or connection
        by_owner[key] = by_owner[key] or {}
        by_owner[key][connection.remote_address] = true
      end
    end
    for _, key in ipairs(tables.keys(by_owner)) do
      local peers = #tables.keys(by_owner[key])
      if peers >= params.peers then
        local one = names[key]
        found[#found + 1] = cx.warning(("%s is connected to %s at once"):format(owners.name(one), plural(peers, "mail server")))
          :data(owners.data(one)):data { mail_servers = peers }:remedy {
            urgency = "now",
            ["do"] = "See what it sends, and for whom; casebook run high-outbound-traffic tells spam from a list's own mail.",
            run = "casebook run high-outbound-traffic",
            risk = "none",
          }
      end
    end

    if #found > 0 then return found end
    -- Where a gap is the reason, reading the field ends the check as unknown, with the gap.
    local exists = 0
    for _, folder in ipairs(looked.file.folders) do
      if folder.exists then
        exists = exists + 1
        local _ = folder.files
        if folder.files == nil then return cx.unknown(("how much waits in %s could not be seen"):format(folder.path)) end
      end
    end
    for _, connection in ipairs(sockets.connections) do
      if connection.remote_port == 25 then local _ = connection.process end
    end
    if sockets.connections_left_out > 0 then
      return cx.unknown(("%s more than are listed, any of them may lead to a mail server"):format(plural(sockets.connections_left_out, "connection")))
    end
    if exists == 0 then return cx.skipped("no queue of a mail server is on this host, and nothing is connected to many mail servers") end
    if not most.complete then return cx.unknown(("more than %s wait in the queue of %s; not all were counted"):format(plural(most.messages, "message"), most.server)) end
    return cx.ok(("%s in the queue of %s"):format(most.messages == 0 and "no message waits" or most.messages == 1 and "1 message waits"
      or ("%s messages wait"):format(count(most.messages)), most.server)):data { server = most.server, messages = most.messages, oldest = most.oldest }
  end,
}
