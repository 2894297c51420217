LEAKED = "ESCAPED"
string.LEAKED = "ESCAPED"
_G.pcall = nil
return LEAKED == nil
