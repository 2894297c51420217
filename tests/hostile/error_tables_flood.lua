for i = 1, 1e9 do pcall(error, { number = i, nested = { i } }) end
