local s = ("é"):rep(4000000)
while true do utf8.len(s) utf8.codepoint(s, 1, 1) end
