---@meta

-- Written by `casebook generate`. Changes here are lost.

---The parameters of probe `file`.
---@class casebook.file.Params
---@field paths? string[] The files, by their whole paths; 64 at most.
---@field pattern? string Keep only lines that fit this Rust regular expression: `^\s*UseDNS\b`.
---@field max_bytes? string|number Bytes to read of each file, from its beginning; 16 MiB at most.
---@field max_lines? number Lines to keep of each file; 10,000 at most.
---@field allow_secrets? boolean Asks to read and keep secrets: password files, private keys, the values of settings that are called a password, a secret, a token or a key. They will stand in the case. That takes `--allow secrets`, too.

---A line of a file.
---@class casebook.file.Line
---@field number integer Its number; the first is 1.
---@field text string Its text without the end of the line, clipped after 1,000 characters; bytes that are not UTF-8 are replaced.

---A list of `casebook.file.Line` in evidence.
---@class casebook.file.Lines
---@field [integer] casebook.file.Line
---@field first fun(self: casebook.file.Lines, pattern?: table|fun(item: casebook.file.Line): boolean): casebook.file.Line? the first item that fits, or nil
---@field where fun(self: casebook.file.Lines, pattern: table|fun(item: casebook.file.Line): boolean): casebook.file.Lines the items that fit
---@field any fun(self: casebook.file.Lines, pattern?: table|fun(item: casebook.file.Line): boolean): boolean whether an item fits
---@field all fun(self: casebook.file.Lines, pattern: table|fun(item: casebook.file.Line): boolean): boolean whether all items fit
---@field count fun(self: casebook.file.Lines, pattern?: table|fun(item: casebook.file.Line): boolean): integer how many items fit
---@field top fun(self: casebook.file.Lines, field: string|(fun(item: casebook.file.Line): any), n: integer): casebook.file.Lines the n items whose field is largest
---@field sum fun(self: casebook.file.Lines, field: string): number the sum of a field
---@field group fun(self: casebook.file.Lines, field: string): table<any, casebook.file.Lines> lists of the items by a field's value
---@field map fun(self: casebook.file.Lines, field: string|fun(item: casebook.file.Line): any): any[] a list of one field
---@field sort fun(self: casebook.file.Lines, field: string, order?: "asc"|"desc"): casebook.file.Lines the items in the order of a field
---@field take fun(self: casebook.file.Lines, n: integer): casebook.file.Lines the first n items
---@field seen fun(self: casebook.file.Lines): casebook.file.Lines the items that were seen, as if the list were complete
---@field totable fun(self: casebook.file.Lines): casebook.file.Line[] the items as plain tables, converted at once

---A text file.
---@class casebook.file.File
---@field path string Its path, as it was named.
---@field exists? boolean Whether it exists; null with a gap when that cannot be told.
---@field bytes? integer Its size in bytes; for files of the kernel what was read of it.
---@field modified? string When it was changed last (UTC); null for files of the kernel.
---@field lines? casebook.file.Lines The lines that fit `pattern`, or all, in their order; null when it does not exist or could not be read.
---@field lines_read? integer Lines in what was read, whether they fit or not.
---@field lines_left_out? integer Lines that fit but are beyond the most that are kept.
---@field secrets_left_out? integer Lines with a secret that was left out of them (`Password = …`).

---A list of `casebook.file.File` in evidence.
---@class casebook.file.Files
---@field [integer] casebook.file.File
---@field first fun(self: casebook.file.Files, pattern?: table|fun(item: casebook.file.File): boolean): casebook.file.File? the first item that fits, or nil
---@field where fun(self: casebook.file.Files, pattern: table|fun(item: casebook.file.File): boolean): casebook.file.Files the items that fit
---@field any fun(self: casebook.file.Files, pattern?: table|fun(item: casebook.file.File): boolean): boolean whether an item fits
---@field all fun(self: casebook.file.Files, pattern: table|fun(item: casebook.file.File): boolean): boolean whether all items fit
---@field count fun(self: casebook.file.Files, pattern?: table|fun(item: casebook.file.File): boolean): integer how many items fit
---@field top fun(self: casebook.file.Files, field: string|(fun(item: casebook.file.File): any), n: integer): casebook.file.Files the n items whose field is largest
---@field sum fun(self: casebook.file.Files, field: string): number the sum of a field
---@field group fun(self: casebook.file.Files, field: string): table<any, casebook.file.Files> lists of the items by a field's value
---@field map fun(self: casebook.file.Files, field: string|fun(item: casebook.file.File): any): any[] a list of one field
---@field sort fun(self: casebook.file.Files, field: string, order?: "asc"|"desc"): casebook.file.Files the items in the order of a field
---@field take fun(self: casebook.file.Files, n: integer): casebook.file.Files the first n items
---@field seen fun(self: casebook.file.Files): casebook.file.Files the items that were seen, as if the list were complete
---@field totable fun(self: casebook.file.Files): casebook.file.File[] the items as plain tables, converted at once

---What probe `file` observes: lines of text files that are named, secrets left out.
---@class casebook.file.Evidence: casebook.Evidence
---@field files casebook.file.Files The files, in the order in which they were named.

