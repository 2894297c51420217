for _, v in ipairs({ print, coroutine.create(print), 1 / 0, true, {} }) do pcall(error, v) end
error(coroutine.create(function() while true do end end))
