-- Everything that the console shows, as it is at one moment.
-- KEYS[1] prefix of the desk's keys (parts/desk-base.lua lists them)
-- ARGV[1] now, ms; '' = by the clock of this server
-- ARGV[2] how many of each line at most
-- ARGV[3] figures from this half hour on, counted from the epoch; '' = all that are kept
-- Result: JSON { dueInMs = ms until the next thing falls due or -1, result = { nowMs, queues, agents, calls } }
-- include: desk-base desk-agents desk-match desk-calls desk-due

local shown, calls, queues, agents = {}, {}, {}, {}

local function show(call)
  if not call or shown[call] then return end
  shown[call] = true
  local state, queue, at, callBack, agent, json, more =
    desk.get('call', call, 'state', 'queue', 'at', 'callBack', 'agent', 'request', 'shown')
  if not state then return end
  local request = cjson.decode(json)
  calls[#calls + 1] = {
    callId = call, state = state, queueId = queue, waitingSinceMs = tonumber(at), isCallBack = callBack ~= false,
    agentId = agent or nil, account = request.account, callerNumber = request.callerNumber,
    shown = more and cjson.decode(more) or nil,
  }
end

-- What happened in each half hour from the one asked for.
local function slots(queue)
  local found, now = {}, math.floor(nowMs / desk.slotMs)
  for slot = math.max(now - desk.slots + 1, tonumber(ARGV[3]) or 0), now do
    local head = string.format('%d:', slot)
    local answered, inTime, left, waitMs = unpack(redis.call('HMGET', base .. 'figures:' .. queue,
      head .. 'answered', head .. 'inTime', head .. 'left', head .. 'waitMs'))
    if answered or left then
      found[#found + 1] = {
        atMs = slot * desk.slotMs, answered = tonumber(answered or 0), inTime = tonumber(inTime or 0),
        left = tonumber(left or 0), waitMs = tonumber(waitMs or 0),
      }
    end
  end
  return found
end

-- How many of each queue's agents do what.
local states = {}
for _, id in ipairs(redis.call('HKEYS', base .. 'profiles')) do
  local agent, profile = desk.describeAgent(id), desk.profile(id)
  if agent then
    show(agent.callId)
    agent.displayName, agent.queues = profile.displayName, profile.queues
    agent.untilMs = tonumber(redis.call('ZSCORE', base .. 'due', 'agent:' .. id) or nil)
    agents[#agents + 1] = agent
    for _, queue in ipairs(profile.queues) do
      states[queue] = states[queue] or {}
      states[queue][agent.state] = (states[queue][agent.state] or 0) + 1
    end
  end
end
for _, id in ipairs(redis.call('HKEYS', base .. 'queues')) do
  local settings = desk.queue(id)
  local line = redis.call('ZRANGE', base .. 'line:' .. id, 0, tonumber(ARGV[2]) - 1)
  for _, call in ipairs(line) do show(call) end
  queues[#queues + 1] = {
    queueId = id, name = settings.name, timezone = settings.hours.timezone, line = line,
    waiting = redis.call('ZCARD', base .. 'line:' .. id), oldestAtMs = desk.oldestAtMs(id),
    agents = states[id] or {}, slots = slots(id),
    handlingMs = tonumber(redis.call('HGET', base .. 'handling:' .. id, 'averageMs') or nil),
  }
end
return desk.reply({ nowMs = nowMs, queues = queues, agents = agents, calls = calls })
