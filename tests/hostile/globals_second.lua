return { LEAKED or "clean", string.LEAKED or "clean", pcall and "clean" or "ESCAPED" }
