local kept = {}
for i = 1, 1e9 do
  local next_match = re.gmatch("ab", "(a|b){1,40}c?")
  next_match()
  kept[i] = next_match
end
