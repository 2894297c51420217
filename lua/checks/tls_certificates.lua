-- A certificate that has ended stops every client at once, and mostly on a night when nobody renewed it by hand. What servers are
-- set to use is read from their configuration, what lies in the usual places beside it.
local seen = require "casebook.seen"
local spans = require "casebook.spans"

local DAY = 86400

-- Where servers say which certificate they use. `base` is where a path begins that is not whole.
local SETTINGS = {
  { server = "nginx", base = "/etc/nginx/", paths = { "/etc/nginx/nginx.conf", "/etc/nginx/conf.d/*.conf", "/etc/nginx/sites-enabled/*" },
    lines = { [[^%s*ssl_certificate%s+"?([^%s";]+)]] } },
  { server = "Apache", base = "/etc/apache2/", paths = { "/etc/apache2/sites-enabled/*", "/etc/httpd/conf.d/*.conf", "/etc/httpd/conf/httpd.conf" },
    lines = { [[^%s*[Ss][Ss][Ll][Cc]ertificate[Ff]ile%s+"?([^%s"]+)]] } },
  { server = "HAProxy", base = "/etc/haproxy/", paths = { "/etc/haproxy/haproxy.cfg" }, folders = true, lines = { "^%s*bind%s.*%scrt%s+(%S+)" } },
  { server = "Postfix", base = "/etc/postfix/", paths = { "/etc/postfix/main.cf" }, lines = { "^%s*smtpd_tls_cert_file%s*=%s*([^%s,]+)", "^%s*smtpd_tls_chain_files%s*=%s*([^%s,]+)" } },
  { server = "Dovecot", base = "/etc/dovecot/", paths = { "/etc/dovecot/dovecot.conf", "/etc/dovecot/conf.d/*.conf" },
    lines = { "^%s*ssl_cert%s*=%s*<?%s*(%S+)", "^%s*ssl_server_cert_file%s*=%s*(%S+)" } },
  { server = "lighttpd", base = "/etc/lighttpd/", paths = { "/etc/lighttpd/lighttpd.conf", "/etc/lighttpd/conf-enabled/*.conf" },
    lines = { [[^%s*ssl%.pemfile%s*=%s*"([^"]+)]] } },
}
local ANY = [[(?i)^\s*(?:ssl_certificate\s|SSLCertificateFile\s|bind\s.*\bcrt\s|smtpd_tls_(?:cert_file|chain_files)\s*=|ssl_cert\s*=|ssl_server_cert_file\s*=|ssl\.pemfile\s*=)]]

local USUAL = {
  "/etc/letsencrypt/live/*/fullchain.pem",
  "/etc/ssl/private/*.pem",
  "/etc/ssl/*.crt",
  "/etc/ssl/*.pem",
  "/etc/pki/tls/certs/localhost.crt",
  "/etc/haproxy/certs/*.pem",
  "/etc/nginx/ssl/*.crt",
  "/etc/nginx/ssl/*.pem",
  "/var/lib/caddy/.local/share/caddy/certificates/*/*/*.crt",
}

-- Which server reads a file of settings.
local function reader_of(path)
  for _, setting in ipairs(SETTINGS) do
    if path:sub(1, #setting.base) == setting.base or (setting.server == "Apache" and path:find("^/etc/httpd/")) then return setting end
  end
  return nil
end

-- The certificates that servers are set to use, from a path to the server's name; and what is only decided for each client.
local function configured(file)
  local used, open = {}, nil
  for of in seen.items(file.files) do
    local reader = reader_of(of.path)
    for line in seen.items(reader ~= nil and value_or(of, "lines", nil, nil) or nil) do
      local named
      for _, shape in ipairs(reader.lines) do named = named or line.text:match(shape) end
      if named ~= nil then
        local path = named:sub(1, 1) == "/" and named or reader.base .. named
        if path:find("$", 1, true) then
          open = open or path
        else
          used[path] = reader.server
          if reader.folders then used[path:gsub("/$", "") .. "/*.pem"] = reader.server end
        end
      end
    end
  end
  return used, open
end

-- Whose certificate it is, for a sentence.
local function name_of(certificate)
  local first = value_or(certificate.names, 1, nil, nil)
  if first == nil then return certificate.subject ~= "" and certificate.subject or "a certificate without a name" end
  local more = #certificate.names - 1
  return more > 0 and ("%s and %s"):format(first, plural(more, "other name")) or first
end

return check {
  name = "tls_certificates",
  summary = "Do certificates end soon that servers of this host use?",
  tags = { "tls", "certificates", "https" },
  symptoms = { "certificate has expired", "browsers warn of the site", "mail servers refuse the connection", "clients cannot connect since midnight" },
  params = {
    soon = {
      type = "duration", default = "14d", min = "1h", max = "365d",
      help = "One that ends within this time is warned of: what renews itself does so a month before, or in the last third of its life.",
    },
    severe = { type = "duration", default = "3d", min = "0s", max = "365d", help = "One that a server uses and that ends within this time is critical: a weekend is as long." },
    path = { type = "path", help = "A file with certificates to look at beside; `*` stands for any characters of a name." },
  },
  needs = { "file" },
  run = function(cx, params)
    local settings = {}
    for _, setting in ipairs(SETTINGS) do
      for _, path in ipairs(setting.paths) do settings[#settings + 1] = path end
    end
    local configuration = cx.probe("file", { paths = settings, pattern = ANY })
    local used, open = {}, nil
    if configuration.available then used, open = configured(configuration) end

    local paths, listed = {}, {}
    local function want(path)
      if not listed[path] then listed[path], paths[#paths + 1] = true, path end
    end
    if params.path then want(params.path) end
    local wanted = {}
    for path in pairs(used) do wanted[#wanted + 1] = path end
    table.sort(wanted)
    for _, path in ipairs(wanted) do want(path) end
    for _, path in ipairs(USUAL) do want(path) end
    local evidence = cx.probe("file", { paths = paths, certificates = true })

    -- The same one is often named twice, and lies in several files.
    local found, soonest, seen_before, looked_at = {}, nil, {}, 0
    for file in seen.items(evidence.available and evidence.files or nil) do
      local server = used[file.path] or used[file.path:gsub("/[^/]+$", "/*.pem")]
      for certificate in seen.items(value_or(file, "certificates", nil, nil)) do
        local ends, begins = spans.parse_iso(certificate.not_after), spans.parse_iso(certificate.not_before)
        local key = ("%s %s %s"):format(certificate.subject, certificate.issuer, certificate.not_after)
        -- A root is trusted by those who have it, whatever it says of itself.
        local root = certificate.authority and certificate.self_issued
        if ends ~= nil and not root and not seen_before[key] then
          seen_before[key], looked_at = true, looked_at + 1
          local left = ends - cx.now
          if soonest == nil or left < soonest.left then soonest = { left = left, certificate = certificate, file = file } end
          local what = certificate.authority and "the intermediate certificate " .. certificate.subject or "the certificate of " .. name_of(certificate)
          local where = server and (" (%s, used by %s)"):format(file.path, server) or (" (%s)"):format(file.path)
          local figures = {
            path = file.path, subject = certificate.subject, issuer = certificate.issuer, not_after = certificate.not_after, days_left = left / DAY, server = server,
          }
          local finding
          if left <= 0 then
            finding = (server and cx.critical or cx.warning)(("%s ended %s ago%s"):format(what, span(-left), where))
          elseif left < params.soon then
            finding = (server and left < params.severe and cx.critical or cx.warning)(("%s ends in %s%s"):format(what, span(left), where))
          elseif begins ~= nil and begins > cx.now then
            finding = (server and cx.critical or cx.warning)(("%s is not valid before %s%s: it is too new, or this host's clock is behind"):format(
              what, certificate.not_before, where))
          end
          if finding ~= nil then
            finding:data(figures):remedy {
              urgency = "now",
              ["do"] = "See what renews it and why it did not; try it without an effect first.",
              run = file.path:find("^/etc/letsencrypt/") and "certbot certificates; systemctl list-timers 'certbot*'; certbot renew --dry-run"
                or sh("openssl x509 -in {{ path }} -noout -subject -issuer -dates", { path = file.path }),
              risk = "none",
            }:remedy {
              urgency = "now",
              ["do"] = "Renew it, put it in the file's place, and let the server read it again: a running one keeps the old one in memory.",
              run = server == "HAProxy" and "haproxy -c -f /etc/haproxy/haproxy.cfg && systemctl reload haproxy"
                or server == "Postfix" and "postfix reload"
                or server == "Dovecot" and "doveadm reload"
                or server == "Apache" and "apachectl configtest && apachectl graceful"
                or server == "nginx" and "nginx -t && systemctl reload nginx"
                or nil,
              risk = "low: open connections go on",
            }
            found[#found + 1] = finding
          end
        end
      end
    end

    if #found > 0 then return found end
    -- Where a gap is the reason, reading the field ends the check as unknown, with the gap.
    for _, file in ipairs(configuration.files) do
      if file.exists then local _ = file.lines end
    end
    for _, file in ipairs(evidence.files) do
      if file.exists then
        for _, certificate in ipairs(file.certificates) do local _ = certificate.not_after end
      elseif used[file.path] ~= nil and not file.path:find("*", 1, true) then
        return cx.unknown(("%s is set to use %s, which does not exist"):format(used[file.path], file.path))
      end
    end
    if open ~= nil then return cx.unknown(("a server takes a certificate by the name that the client asks for (%s); those were not looked at"):format(open)) end
    if soonest == nil then return cx.skipped("no certificate was found in the usual places, and no server's configuration names one") end
    return cx.ok(("%s; the first to end is that of %s in %s (%s)"):format(plural(looked_at, "certificate"), name_of(soonest.certificate),
      span(soonest.left), soonest.file.path)):data { certificates = looked_at, not_after = soonest.certificate.not_after, path = soonest.file.path }
  end,
}
