while true do pcall(require, "spin") end
