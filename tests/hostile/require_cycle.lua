return require("cycle")
