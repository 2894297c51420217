-- Opening a pipe waits for a writer.
return { pcall(require, "pipe") }
