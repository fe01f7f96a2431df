-- Takes over calls whose controller's lease has run out, and gives again what an earlier claim of this controller took
-- but whose answer did not arrive.
-- KEYS[1] leases: sorted set, controller id by the ms at which its lease runs out
-- KEYS[2] meta: hash; runId = the Redis process that leases were last renewed on,
--   lease:<controller id> = how long its leases are
-- KEYS[3] owners: hash, controller id by call id
-- KEYS[4] snapshots: hash, JSON by call id
-- KEYS[5] owned: sorted set of "<controller id>\0<call id>"
-- KEYS[6] taken: set of ids of live calls that were taken over
-- KEYS[7] pending: sorted set of "<controller id>\0<call id>", claims whose answer may not have arrived
-- ARGV[1] controller id
-- ARGV[2] how many at most
-- ARGV[3…] ids of calls whose claim has arrived
-- Result: snapshots as JSON, each followed by how many ms ago its controller was last heard of (-1: not known); or -1
--   when this controller has no lease
local me = ARGV[1]
local limit = tonumber(ARGV[2])
local time = redis.call('TIME')
local nowMs = time[1] * 1000 + math.floor(time[2] / 1000)

local myLease = redis.call('ZSCORE', KEYS[1], me)
if not myLease or tonumber(myLease) <= nowMs then return -1 end
-- Redis has just restarted: heartbeats come first.
local runId = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
if redis.call('HGET', KEYS[2], 'runId') ~= runId then return {} end

local function callsOf(key, controller, most)
  local from, to = '[' .. controller .. '\0', '(' .. controller .. '\1'
  local members = redis.call('ZRANGEBYLEX', key, from, to, 'LIMIT', 0, most)
  for index, member in ipairs(members) do members[index] = string.sub(member, #controller + 2) end
  return members
end

local claimed = {}
local count = 0
local function give(call, heardAgoMs)
  local snapshot = redis.call('HGET', KEYS[4], call)
  if not snapshot then return end
  count = count + 1
  claimed[#claimed + 1] = snapshot
  claimed[#claimed + 1] = heardAgoMs
end

for index = 3, #ARGV do redis.call('ZREM', KEYS[7], me .. '\0' .. ARGV[index]) end
for _, call in ipairs(callsOf(KEYS[7], me, limit)) do give(call, -1) end

for _, dead in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', nowMs)) do
  local room = limit - count
  if room <= 0 then break end
  local calls = callsOf(KEYS[5], dead, room)
  local ranOutAt = tonumber(redis.call('ZSCORE', KEYS[1], dead))
  local leaseMs = redis.call('HGET', KEYS[2], 'lease:' .. dead)
  local heardAgoMs = ranOutAt > 0 and leaseMs and nowMs - ranOutAt + tonumber(leaseMs) or -1
  for _, call in ipairs(calls) do
    redis.call('ZREM', KEYS[5], dead .. '\0' .. call)
    redis.call('ZREM', KEYS[7], dead .. '\0' .. call)
    redis.call('ZADD', KEYS[5], 0, me .. '\0' .. call)
    redis.call('ZADD', KEYS[7], 0, me .. '\0' .. call)
    redis.call('HSET', KEYS[3], call, me)
    redis.call('SADD', KEYS[6], call)
    give(call, heardAgoMs)
  end
  -- Fewer than there was room for: the dead controller has no more.
  if #calls < room then
    redis.call('ZREM', KEYS[1], dead)
    redis.call('HDEL', KEYS[2], 'lease:' .. dead)
  end
end
return claimed
