local all
while true do all = { all } end
