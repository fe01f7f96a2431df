-- The overflow step could not be done: the next one.
-- KEYS[1] prefix of the desk's keys (parts/desk-base.lua lists them)
-- ARGV[1] now, ms; '' = by the clock of this server
-- ARGV[2] call id
-- Result: JSON { dueInMs = ms until the next thing falls due or -1, result = true, or false when no overflow is under way }
-- include: desk-base desk-agents desk-match desk-calls desk-due

local held = desk.get('call', ARGV[2], 'state') == 'held'
if held then desk.overflow(ARGV[2]) end
return desk.reply(held)
