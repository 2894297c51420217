for _, range in ipairs({ { 1, 1 << 50 }, { math.mininteger, math.maxinteger }, { -5, 1e7 } }) do
  if pcall(table.unpack, {}, range[1], range[2]) then return "ESCAPED" end
end
return table.unpack({}, 1, 1 << 30)
