return { print, coroutine.create(print), { f = error } }
