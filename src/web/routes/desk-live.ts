import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { DeskLive } from '../../desk/live.ts';
import { viewFor } from '../../desk/live-view.ts';
import type { TimerHandle } from '../../kernel/clock.ts';
import { errorMessage } from '../../kernel/errors.ts';
import { type Api, about, type RouteParts } from '../api.ts';
import { ApiError } from '../errors.ts';
import { isStillSignedIn, scopeFor, whoIs } from '../guard.ts';

/** Also how soon one whose session was revoked is cut off. */
const heartbeatMs = 5_000;
const maxStreams = 2_000;
const maxStreamsPerUser = 20;
/** One who does not read is cut off, and comes back when they can. */
const maxUnreadBytes = 1_048_576;

const streamSchema = z.string().meta({
  description:
    'Event `desk`: what there is to see now, whole each time, so that nothing is lost by reconnecting. Event `signed-out`: the session has ended.',
});

/** The desk as it changes, by server-sent events: an agent's own affairs, or everything for those who may see it. */
export function deskLiveRoutes(api: Api, parts: RouteParts, live: DeskLive): void {
  const streams = new Map<symbol, { userId: string; end: () => void }>();
  api.addHook('preClose', async () => {
    for (const { end } of [...streams.values()]) end();
  });
  const described = about(
    'desk',
    'The desk as it changes (server-sent events)',
    { permission: 'desk.live', ownOnly: true },
    { response: { 200: streamSchema } },
  );
  api.get('/desk/live', {
    ...described,
    config: { ...described.config, answers: 'text/event-stream' },
    handler: (request, reply) => {
      const { userId } = whoIs(request).user;
      const own = [...streams.values()].filter((stream) => stream.userId === userId).length;
      if (streams.size >= maxStreams || own >= maxStreamsPerUser) throw new ApiError('TOO_BUSY');
      const key = Symbol(userId);
      const end = stream(request, reply, parts, live, () => streams.delete(key));
      streams.set(key, { userId, end });
    },
  });
}

/** Runs one stream until either side ends it; gives what ends it. */
function stream(
  request: FastifyRequest,
  reply: FastifyReply,
  parts: RouteParts,
  live: DeskLive,
  onEnd: () => void,
): () => void {
  const { clock, logger } = parts;
  const { user } = whoIs(request);
  const scope = scopeFor(request, 'desk.live');
  let timer: TimerHandle | undefined;
  let unsubscribe: () => void = () => undefined;
  let sent = '';
  let number = 0;
  let isOver = false;
  reply.hijack();
  const { raw } = reply;
  for (const [name, value] of Object.entries(reply.getHeaders())) if (value !== undefined) raw.setHeader(name, value);
  raw.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' });
  const end = () => {
    if (isOver) return;
    isOver = true;
    clock.clearTimeout(timer);
    unsubscribe();
    raw.end();
    onEnd();
  };
  const write = (text: string) => {
    if (isOver) return;
    raw.write(text);
    if (raw.writableLength > maxUnreadBytes) {
      end();
      raw.destroy();
    }
  };
  const beat = async () => {
    if (await isStillSignedIn(request, parts)) {
      write(': still here\n\n');
      if (!isOver) timer = clock.setTimeout(() => beat().catch(fail), heartbeatMs);
      return;
    }
    write('event: signed-out\ndata: {}\n\n');
    end();
  };
  const fail = (error: unknown) => {
    logger.warn({ err: errorMessage(error) }, 'a live page was cut off');
    end();
  };
  raw.on('close', end);
  raw.on('error', end);
  write('retry: 1000\n\n');
  timer = clock.setTimeout(() => beat().catch(fail), heartbeatMs);
  unsubscribe = live.subscribe((overview) => {
    const { nowMs, ...view } = viewFor(overview, user.userId, scope);
    const text = JSON.stringify(view);
    if (text === sent) return;
    sent = text;
    number += 1;
    write(`id: ${number}\nevent: desk\ndata: ${JSON.stringify({ nowMs, ...view })}\n\n`);
  });
  return end;
}
