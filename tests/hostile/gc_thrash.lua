local keep = {}
for i = 1, 1e9 do keep[i % 200000] = { i, {} } end
