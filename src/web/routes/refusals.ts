import { z } from 'zod';
import type { Clock } from '../../kernel/clock.ts';
import { foldRefusals } from '../../ledger/refusal-log.ts';
import { type Api, about, type CallFacts } from '../api.ts';

const factsMax = 20_000;
const dayMs = 86_400_000;

const refusedSchema = z.object({
  minuteMs: z.int(),
  by: z.enum(['controller', 'switch']).meta({ description: 'who refused' }),
  sourceClass: z.enum(['trusted', 'stranger']).meta({ description: 'of TRUSTED_PEERS, or not' }),
  ...{ method: z.string(), sipStatus: z.int(), cause: z.string(), count: z.int() },
  sources: z
    .array(z.object({ address: z.string(), count: z.int() }))
    .meta({ description: 'those who sent most of them' }),
});

/** What was refused before anybody saw a call in it. */
export function refusalRoutes(api: Api, facts: CallFacts, clock: Clock): void {
  const atMs = z.coerce.number().int().min(0);
  const querystring = z.strictObject({ fromMs: atMs.optional(), toMs: atMs.optional() });
  api.get('/refusals', {
    ...about(
      'calls',
      'Requests refused unseen (overload, broken …), by minute, cause and source, oldest first; a day at most, the last one where no beginning is named',
      { permission: 'refusals.read' },
      { querystring, response: { 200: z.object({ refusals: z.array(refusedSchema) }) } },
    ),
    handler: async ({ query: { fromMs = clock.nowMs() - dayMs, toMs = Number.MAX_SAFE_INTEGER } }) => {
      const range = { fromMs, toMs: Math.min(toMs, fromMs + dayMs), limit: factsMax };
      return { refusals: foldRefusals(await facts.refusals(range)) };
    },
  });
}
