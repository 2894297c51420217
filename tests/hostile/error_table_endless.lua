local endless = {}
endless.endless = endless
for i = 1, 1e5 do endless[i] = endless end
error(endless)
