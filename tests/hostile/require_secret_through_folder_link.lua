return require("up.secret")
