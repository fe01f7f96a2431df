-- A supervisor listens no more.
-- KEYS[1] prefix of the desk's keys (parts/desk-base.lua lists them)
-- ARGV[1] now, ms; '' = by the clock of this server
-- ARGV[2] call id
-- ARGV[3] agent id
-- Result: JSON { dueInMs = ms until the next thing falls due or -1, result = true }
-- include: desk-base desk-agents desk-match desk-calls desk-due

desk.stopListening(ARGV[2], ARGV[3])
return desk.reply(true)
