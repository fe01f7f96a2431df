-- Saves a call's state unless another controller drives the call.
-- KEYS[1] owners: hash, controller id by call id
-- KEYS[2] snapshots: hash, JSON by call id
-- KEYS[3] owned: sorted set of "<controller id>\0<call id>", all with score 0
-- KEYS[4] leases: sorted set, controller id by the ms at which its lease runs out
-- KEYS[5] gone: sorted set, ids of calls that were taken over and have ended, by the ms of that
-- ARGV[1] controller id
-- ARGV[2] call id
-- ARGV[3] snapshot as JSON
-- Result: 1 saved, 0 the call is another controller's, or was and has ended
local owner = redis.call('HGET', KEYS[1], ARGV[2])
if owner then
  if owner ~= ARGV[1] then return 0 end
  redis.call('HSET', KEYS[2], ARGV[2], ARGV[3])
  return 1
end
if redis.call('ZSCORE', KEYS[5], ARGV[2]) then return 0 end
redis.call('HSET', KEYS[1], ARGV[2], ARGV[1])
redis.call('HSET', KEYS[2], ARGV[2], ARGV[3])
redis.call('ZADD', KEYS[3], 0, ARGV[1] .. '\0' .. ARGV[2])
-- A controller that has no lease (yet) counts as one whose lease has run out: its calls can be claimed.
redis.call('ZADD', KEYS[4], 'NX', 0, ARGV[1])
return 1
