error("\27[2J\27]0;owned\7\r\n\0 forged.lua:1: no error at all \u{202e}")
