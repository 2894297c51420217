os.execute("cat " .. SECRET)
