return check { name = "\27[2J../../etc/passwd\0", summary = "\27]0;owned\7\u{202e}forged\nok", tags = { "\r" }, run = function(cx) return cx.ok("\27[31mred") end }
