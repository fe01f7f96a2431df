-- Keys, time, reminders and messages of the desk. All keys are KEYS[1] .. a name:
--   queues               hash, settings as JSON by queue id
--   doors                hash, JSON { isOpen, changesAtMs } by queue id: when it opens and closes in the next days
--   unstaffed            hash, ms at which the last agent signed off, by queue id
--   profiles             hash, profile as JSON by agent id
--   members:<queue>      set of agent ids
--   free:<queue>         sorted set, available agents by the queue's strategy, first = next
--   agent:<agent>        hash: state, reason, since, wanted, wantedReason, wantedBy, offer, call, misses, idle, served, turn,
--                        listens (the call whose talk is heard), …
--   call:<call>          hash: state, controller, queue, asked, needs, account, score, at, entered, request,
--                        skip:<agent> (until when, ms),
--                        offer, agent (who has answered), transfer (the offer to whom the caller is handed), shown,
--                        shut (a call-back that waits for its queue to open), from
--                        (JSON: who had the caller until they were handed to a queue), heldAt, listener:<agent>, …
--   line:<queue>         sorted set, everybody not yet connected, by score
--   needs:<queue>        set of the needs that somebody waits with
--   waiting:<queue>:<needs>  sorted set, who waits with these needs and is offered to nobody, by score
--   offer:<offer>        hash: call, agent, controller, queue, state reserved|ringing|answered|connected,
--                        transfer (the caller is handed over and waits in no line)
--   ringing:<call>       set of the call's offers that nobody has answered
--   calls:<controller>   set of call ids
--   offers:<controller>  set of offers to act on
--   held:<controller>    set of calls whose overflow is under way
--   lost:<controller>    set of calls that it drove and may take back
--   callBacks            set of calls that have ended, whose callers are called back when their turn comes
--   givenUp              hash, JSON { request, queueId, atMs } by call id: call-backs that will not come about, until the
--                        account has a case
--   leases               sorted set, controller by the ms at which its lease runs out
--   due                  sorted set, "<kind>:<id>" by the ms at which it falls due
--   changes              stream of agents' changes of state that no database has yet: the latest 500,000 or so
--   handling:<queue>     hash: count, averageMs
--   figures:<queue>      hash: <slot>:answered, :inTime, :left, :waitMs; a slot is half an hour, kept for 25 hours
--   meta                 hash: offers, turns (counters), tieMs, tie, runId
local desk = { freed = {}, putBack = {}, changed = false }
local base = KEYS[1]
local nowMs = tonumber(ARGV[1])
if not nowMs then
  local time = redis.call('TIME')
  nowMs = time[1] * 1000 + math.floor(time[2] / 1000)
end

function desk.get(kind, id, ...) return unpack(redis.call('HMGET', base .. kind .. ':' .. id, ...)) end
function desk.set(kind, id, ...)
  redis.call('HSET', base .. kind .. ':' .. id, ...)
  desk.changed = true
end

function desk.remind(kind, id, atMs) redis.call('ZADD', base .. 'due', atMs, kind .. ':' .. id) end
function desk.unremind(kind, id) redis.call('ZREM', base .. 'due', kind .. ':' .. id) end

function desk.tell(controller, message) redis.call('PUBLISH', base .. 'to:' .. controller, cjson.encode(message)) end

local settings = {}
-- The queue's settings, or nil.
function desk.queue(id)
  if not settings[id] then
    local json = redis.call('HGET', base .. 'queues', id)
    settings[id] = json and cjson.decode(json) or nil
  end
  return settings[id]
end

-- Of calls and offers of a queue that has been removed meanwhile.
local removed = {
  strategy = 'longest-idle', ringCount = 1, ringTimeoutMs = 20000, pressOneToAccept = false, maxWaitMs = 0, wrapUpMs = 30000,
  missesBeforePause = 3, pauseMs = 300000, skipMs = 60000, overflow = {}, widening = {},
}
-- The settings to go by where there must be some.
function desk.settingsOf(id) return desk.queue(id) or removed end

local doors = {}
-- Whether the queue is open, and when that changes next, as far as is known.
function desk.isOpen(id)
  if not doors[id] then
    local json = redis.call('HGET', base .. 'doors', id)
    doors[id] = json and cjson.decode(json) or { isOpen = true, changesAtMs = {} }
  end
  local isOpen = doors[id].isOpen
  for _, atMs in ipairs(doors[id].changesAtMs) do
    if atMs > nowMs then return isOpen, atMs end
    isOpen = not isOpen
  end
  return isOpen
end

local profiles = {}
-- The agent's profile, or nil. queues: list; skills: level by name; languages, refused: sets.
function desk.profile(id)
  if profiles[id] == nil then
    local json = redis.call('HGET', base .. 'profiles', id)
    profiles[id] = json and cjson.decode(json) or false
  end
  return profiles[id] or nil
end
function desk.forgetProfile(id) profiles[id] = nil end
function desk.forgetQueue(id) settings[id], doors[id] = nil, nil end

-- Order in a line: the head of the queue first, then priority, then age, then arrival within the millisecond.
-- 10 levels, ms since 2024 and 100 places within each are exact in a double until 2055.
local epochMs = 1704067200000
function desk.score(priority, atMs)
  local tieMs, tie = unpack(redis.call('HMGET', base .. 'meta', 'tieMs', 'tie'))
  tie = tonumber(tieMs) == atMs and math.min(99, tonumber(tie) + 1) or 0
  redis.call('HSET', base .. 'meta', 'tieMs', atMs, 'tie', tie)
  return (10 - priority) * 1e14 + math.max(0, atMs - epochMs) * 100 + tie
end

-- Half an hour, counted from the epoch: days begin on one in nearly every time zone.
desk.slotMs = 1800000
-- Slots that are kept: 25 hours.
desk.slots = 50
-- Adds to what happened today in a queue: field, by, …
function desk.count(queue, ...)
  local key, slot = base .. 'figures:' .. queue, math.floor(nowMs / desk.slotMs)
  local counts = { ... }
  for index = 1, #counts, 2 do
    redis.call('HINCRBY', key, string.format('%d:%s', slot, counts[index]), string.format('%.0f', counts[index + 1]))
  end
  redis.call('EXPIRE', key, desk.slots * desk.slotMs / 1000)
  if redis.call('HLEN', key) <= (desk.slots + 10) * 4 then return end
  for _, field in ipairs(redis.call('HKEYS', key)) do
    if tonumber(string.match(field, '^%d+')) <= slot - desk.slots then redis.call('HDEL', key, field) end
  end
end

-- What every operation ends with: matches, tells those who watch, and says in how many ms the next thing falls due.
function desk.reply(result)
  desk.match()
  if desk.changed then redis.call('PUBLISH', base .. 'changed', '') end
  local due = redis.call('ZRANGE', base .. 'due', 0, 0, 'WITHSCORES')[2]
  local lease = redis.call('ZRANGE', base .. 'leases', 0, 0, 'WITHSCORES')[2]
  local nextMs = math.min(tonumber(due) or math.huge, tonumber(lease) or math.huge)
  local dueInMs = nextMs < math.huge and math.max(0, nextMs - nowMs) or -1
  return cjson.encode({ dueInMs = dueInMs, result = result })
end

-- An offer that no controller has acted on for so long goes back.
desk.reservedMs = 5000
-- The controller ends the ringing itself; this is for one that forgets.
desk.graceMs = 5000
-- Between answer and connection: whisper, press 1.
desk.connectMs = 60000
-- So long a call waits for another controller after its own was lost.
desk.orphanMs = 60000
-- After a fault of ours the caller is offered to nobody for so long (agents are not worn out one after the other), and
-- not to the same agent for so long.
desk.faultMs = 2000
desk.faultSkipMs = 10000
-- Whoever has missed a caller is rung again for them after so long where nobody else is there to be rung.
desk.aloneMs = 5000
-- Offers in a row that the call's controller did not act on, after which the call counts as lost.
desk.maxIgnored = 3
-- As connectMs, where the caller is dialled meanwhile.
desk.callBackMs = 120000
-- A call-back that has not come about by then is given up.
desk.callBackExpiryMs = 7 * 24 * 3600000
-- Queues that overflow may lead through.
desk.maxMoves = 5
