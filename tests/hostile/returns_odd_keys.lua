return { [print] = 1, [{}] = 2, [1.5] = 3, [true] = 4, [coroutine.create(print)] = 5 }
