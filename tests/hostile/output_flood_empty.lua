while true do log() end
