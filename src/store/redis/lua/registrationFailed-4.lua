-- Counts a failed attempt to register.
-- KEYS as in registrationWait-4.lua
-- ARGV[1] ms that a count lives after its last failure
local counted = redis.call('EXISTS', KEYS[4]) == 1 and {KEYS[3]} or {KEYS[1], KEYS[2]}
for _, key in ipairs(counted) do
  redis.call('INCR', key)
  redis.call('PEXPIRE', key, ARGV[1])
end
return 1
