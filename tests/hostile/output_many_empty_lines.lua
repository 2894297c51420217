print(string.rep("\n", 60 * 1000))
return "printed"
