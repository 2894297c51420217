log("\27[2J\27]0;owned\7\rforged\nforged \u{202e}\0\xff")
return "said"
