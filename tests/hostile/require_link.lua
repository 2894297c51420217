return require("link")
