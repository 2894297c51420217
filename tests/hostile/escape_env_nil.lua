local function f() local _ENV <const> = nil; return x end
pcall = pcall
return f()
