package.path = SECRET return require("secret")
