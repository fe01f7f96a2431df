-- Forgets a call that has ended, if it is this controller's.
-- KEYS[1] owners: hash, controller id by call id
-- KEYS[2] snapshots: hash, JSON by call id
-- KEYS[3] owned: sorted set of "<controller id>\0<call id>"
-- KEYS[4] taken: set of ids of live calls that were taken over
-- KEYS[5] pending: sorted set of "<controller id>\0<call id>", claims whose answer may not have arrived
-- KEYS[6] gone: sorted set, ids of calls that were taken over and have ended, by the ms of that
-- ARGV[1] controller id
-- ARGV[2] call id
-- ARGV[3] how long to remember that a call that was taken over has ended, ms
-- Result: 1 forgotten, 0 not this controller's
if redis.call('HGET', KEYS[1], ARGV[2]) ~= ARGV[1] then return 0 end
local member = ARGV[1] .. '\0' .. ARGV[2]
redis.call('HDEL', KEYS[1], ARGV[2])
redis.call('HDEL', KEYS[2], ARGV[2])
redis.call('ZREM', KEYS[3], member)
redis.call('ZREM', KEYS[5], member)
-- The first controller may still live and save: it must not bring the call back.
if redis.call('SREM', KEYS[4], ARGV[2]) == 1 then
  local time = redis.call('TIME')
  local nowMs = time[1] * 1000 + math.floor(time[2] / 1000)
  redis.call('ZADD', KEYS[6], nowMs, ARGV[2])
  redis.call('ZREMRANGEBYSCORE', KEYS[6], '-inf', nowMs - tonumber(ARGV[3]))
end
return 1
