import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import files from '@fastify/static';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { accountIdSchema } from '../../accounts/accounts.ts';
import { makeChange } from '../../accounts/change.ts';
import { RecordingFolder } from '../../call/recordings.ts';
import { linkFault } from '../../desk/recording-links.ts';
import type { VoicemailStore } from '../../desk/voicemail.ts';
import { recordingFileName } from '../../desk/voicemail-text.ts';
import { type Api, about, done, doneSchema, idSchema, type RouteParts } from '../api.ts';
import { ApiError } from '../errors.ts';
import { actorFrom, scopeFor, whoIs } from '../guard.ts';
import { endRecordingLinks } from '../manage-outbox.ts';

/** What recordings are served from. */
export interface RecordingParts {
  /** As the controllers write them: shared, where there are several machines. */
  folder: string;
  voicemails: Pick<VoicemailStore, 'find' | 'list' | 'nowhere'>;
}

const incompleteness = z.enum(['cut-short', 'missing']);
const messageSchema = z.object({
  ...{ recordingId: z.string(), callId: z.string(), accountId: z.string(), accountName: z.string() },
  callerNumber: z.string().nullable().meta({ description: 'null: withheld' }),
  ...{ atMs: z.int(), durationMs: z.int() },
  deliveries: z.int().meta({ description: 'to how many places it was reported' }),
  incomplete: incompleteness.nullable().meta({ description: 'there was no room for all, or any, of it' }),
});

/** Messages that callers left, and the sound of recordings. */
export async function recordingRoutes(api: Api, parts: RouteParts, { folder, voicemails }: RecordingParts) {
  await api.register(files, { root: folder, serve: false });
  const recordings = new RecordingFolder(folder);
  const send = (reply: FastifyReply, of: Recording) => sendRecording(reply, recordings, of);
  api.get('/calls/:callId/recordings/:recordingId', {
    ...about(
      'calls',
      'The sound of a recording, WAV',
      { permission: 'recordings.hear', ownOnly: true },
      {
        params: z.strictObject({ callId: idSchema, recordingId: z.string().min(1).max(160) }),
        response: { 200: z.any().meta({ description: 'audio/wav; ranges are served' }) },
      },
    ),
    handler: async (request, reply) => {
      const { callId, recordingId } = request.params;
      const recorded = (await parts.facts.factsOfCall(callId)).find(
        (fact) => fact.type === 'recorded' && fact.recordingId === recordingId && fact.incomplete !== 'missing',
      );
      const isOwn = scopeFor(request, 'recordings.hear') === 'own';
      const mine = whoIs(request).user.accountId;
      // Another account's is as if it did not exist.
      if (!recorded || recorded.accountId === null || (isOwn && recorded.accountId !== mine)) {
        throw new ApiError('NOT_FOUND');
      }
      return send(reply, { accountId: recorded.accountId, callId, recordingId, atMs: recorded.atMs });
    },
  });
  messageRoute(api, parts, voicemails);
  api.post('/accounts/:accountId/recording-links/end', {
    ...about(
      'calls',
      "End every link to the account's recordings that was ever sent; new ones are made with a new secret",
      { permission: 'recordings.end-links', owner: 'accountId' },
      { params: z.strictObject({ accountId: accountIdSchema }), response: { 200: doneSchema } },
    ),
    handler: async (request) => {
      const { accountId } = request.params;
      await makeChange(parts, actorFrom(request), (change) => endRecordingLinks(change, accountId));
      return done;
    },
  });
}

function messageRoute(api: Api, parts: RouteParts, voicemails: Pick<VoicemailStore, 'list'>): void {
  const querystring = z.strictObject({
    limit: z.coerce.number().int().min(1).max(500).default(100),
    beforeMs: z.coerce.number().int().optional().meta({ description: 'The next page: the last atMs of this one' }),
    accountId: accountIdSchema.optional(),
  });
  api.get('/voicemails', {
    ...about(
      'calls',
      'Messages that callers left, newest first; their sound: /calls/{callId}/recordings/{recordingId}',
      { permission: 'recordings.hear', ownOnly: true },
      { querystring, response: { 200: z.object({ voicemails: z.array(messageSchema) }) } },
    ),
    handler: async (request) => {
      const { limit, beforeMs, accountId } = request.query;
      const isOwn = scopeFor(request, 'recordings.hear') === 'own';
      const of = isOwn ? (whoIs(request).user.accountId ?? '') : accountId;
      const found = await voicemails.list({
        limit,
        ...(of === undefined ? {} : { accountId: of }),
        ...(beforeMs === undefined ? {} : { beforeMs }),
      });
      const accounts = await parts.data.accounts.listAccounts();
      const names = new Map(accounts.map((account) => [account.accountId, account.name]));
      return {
        voicemails: found.map(({ report, ...voicemail }) => ({
          ...voicemail,
          accountName: names.get(voicemail.accountId) ?? voicemail.accountId,
          callerNumber: report?.callerNumber ?? null,
          deliveries: report?.destinations.length ?? 0,
          incomplete: incompleteness.safeParse(report?.fields['incomplete']).data ?? null,
        })),
      };
    },
  });
}

/** What reports lead to: whoever has the link hears the recording, signed in or not, until it expires. */
export async function recordingLinkRoute(api: Api, parts: RouteParts, { folder, voicemails }: RecordingParts) {
  await api.register(files, { root: folder, serve: false });
  const recordings = new RecordingFolder(folder);
  api.get('/recordings/:recordingId', {
    config: { guard: { public: true } },
    schema: {
      hide: true,
      params: z.strictObject({ recordingId: z.string().min(1).max(160) }),
      querystring: z.strictObject({
        until: z.coerce.number().int().min(0).max(100_000_000_000),
        sig: z.string().min(1).max(100),
      }),
    },
    handler: async (request, reply) => {
      const { recordingId } = request.params;
      const voicemail = await voicemails.find(recordingId);
      if (!voicemail) throw new ApiError('NOT_FOUND');
      const { accountId, callId, atMs } = voicemail;
      const link = { recordingId, untilSeconds: request.query.until, signature: request.query.sig };
      const fault = await linkFault(parts.data.webhookSecrets, accountId, link, parts.clock.nowMs());
      if (fault !== undefined) throw new ApiError(fault === 'expired' ? 'LINK_EXPIRED' : 'NOT_FOUND');
      return sendRecording(reply, recordings, { accountId, callId, recordingId, atMs });
    },
  });
}

interface Recording {
  accountId: string;
  callId: string;
  recordingId: string;
  atMs: number;
}

/** The file stands where its ids say: no path comes from outside. Ranges are served, which phones' players ask for. */
async function sendRecording(reply: FastifyReply, recordings: RecordingFolder, of: Recording): Promise<FastifyReply> {
  const file = recordings.fileFor(of.accountId, of.callId, of.recordingId);
  if (!(await stat(file).catch(() => undefined))?.isFile()) throw new ApiError('NOT_FOUND');
  return reply
    .type('audio/wav')
    .header('cache-control', 'private, no-store')
    .header('content-disposition', `inline; filename="${recordingFileName(of.atMs)}"`)
    .sendFile(basename(file), recordings.folderOf(of.accountId), { cacheControl: false });
}
