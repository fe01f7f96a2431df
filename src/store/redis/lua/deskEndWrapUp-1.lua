-- The agent ends the wrap-up before its time.
-- KEYS[1] prefix of the desk's keys (parts/desk-base.lua lists them)
-- ARGV[1] now, ms; '' = by the clock of this server
-- ARGV[2] agent id
-- ARGV[3] who ends it
-- Result: JSON { dueInMs = ms until the next thing falls due or -1, result = true, or false when there was none }
-- include: desk-base desk-agents desk-match desk-calls desk-due

local inWrapUp = desk.get('agent', ARGV[2], 'state') == 'wrap-up'
if inWrapUp then
  desk.set('agent', ARGV[2], 'wantedBy', ARGV[3])
  desk.endWrapUp(ARGV[2])
end
return desk.reply(inWrapUp)
