while true do pcall(as_file, "local x if x then " .. ("elseif x then "):rep(18000) .. "end") end
