return getfenv(print), setfenv(print, {})
