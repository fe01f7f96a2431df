import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { accountStatuses } from '../../accounts/accounts.ts';
import { deskCardSchema, intakeOutcomes } from '../../accounts/cards.ts';
import { makeChange, onRecord } from '../../accounts/change.ts';
import type { DeskStaffStore } from '../../desk/desk-store.ts';
import { type Intake, intakeFormChangeSchema, intakeFormSchema, intakeStates } from '../../desk/intake.ts';
import type { IntakeStores } from '../../desk/intake-store.ts';
import { readBack } from '../../desk/intake-text.ts';
import { hintsFor, type IntakeHints, intakeWarnings, viewIntake } from '../../desk/intake-view.ts';
import { reportLanguages } from '../../desk/intake-words.ts';
import type { Intakes } from '../../desk/intakes.ts';
import { type Api, about, idSchema, type RouteParts } from '../api.ts';
import { ApiError, errorCatalogue, errorSchema } from '../errors.ts';
import { actorFrom, scopeFor, whoIs } from '../guard.ts';

/** What the routes of intakes stand on. */
export interface IntakeParts extends Pick<RouteParts, 'data' | 'clock'> {
  intakes: Intakes;
  /** Agents at work; left out: nobody is. */
  desk: Pick<DeskStaffStore, 'findAgent'> | undefined;
}

const agentParams = z.strictObject({ agentId: idSchema });
const params = z.strictObject({ intakeId: idSchema });

const hintsSchema = z.object({
  directTransferRequests: z.int().meta({ description: 'of this caller to this account, with this call' }),
  complaints: z.int().meta({ description: 'of this caller to this account, with this call' }),
  accountComplaints: z.int().meta({ description: 'of all callers to this account' }),
  emergencyNumber: z.string().optional().meta({ description: 'only when it may be told' }),
  warnings: z.array(z.enum(intakeWarnings)),
});

const headSchema = z.object({
  ...{ intakeId: z.string(), callId: z.string(), accountId: z.string(), agentId: z.string(), queueId: z.string() },
  version: z.int(),
  state: z.enum(intakeStates),
  ...{ openedAtMs: z.int(), answeredAtMs: z.int(), changedAtMs: z.int() },
  leftAtMs: z.int().optional().meta({ description: 'since when nobody is at it although it is open' }),
  reportedAtMs: z.int().optional().meta({ description: 'the last report, by whoever had the caller before' }),
  form: intakeFormSchema,
});

/** Of the last report. */
const deliveriesSchema = z
  .int()
  .optional()
  .meta({ description: 'to how many places the last report is sent; 0: the card sends it nowhere' });

const viewSchema = headSchema.extend({
  account: z
    .object({
      ...{ accountId: z.string(), name: z.string(), nameReading: z.string(), language: z.string() },
      status: z.enum(accountStatuses),
    })
    .optional(),
  card: deskCardSchema.optional(),
  caller: z.object({
    number: z.string().nullable().meta({ description: 'null: withheld' }),
    name: z.string().optional().meta({ description: 'as an agent wrote it the last time' }),
  }),
  earlierCalls: z.array(
    z.object({
      intakeId: z.string(),
      atMs: z.int(),
      ...{ callerName: z.string(), company: z.string(), forWhom: z.string(), business: z.string() },
      callBack: z.enum(['none', 'wanted']),
      outcome: z.enum(intakeOutcomes).nullable(),
    }),
  ),
  learned: z.record(z.string(), z.unknown()).meta({ description: 'what the flow learned' }),
  deliveries: deliveriesSchema,
  hints: hintsSchema,
});

const changedSchema = errorSchema.extend({
  current: z.object({ version: z.int(), state: z.enum(intakeStates), form: intakeFormSchema }).optional(),
});

const guard = { permission: 'intakes.write', ownOnly: true } as const;

/** Intakes: read, typed into, saved; each agent's own, for supervisors everybody's. */
export function intakeRoutes(api: Api, parts: IntakeParts): void {
  const { intakes, desk } = parts;
  const { stores } = intakes;
  api.get('/agents/:agentId/intake', {
    ...about(
      'intakes',
      'What an agent has to fill in: of the call on the line or in wrap-up, else the newest unfinished',
      { permission: 'intakes.write', owner: 'agentId' },
      { params: agentParams, response: { 200: viewSchema } },
    ),
    handler: async (request) => {
      const { agentId } = request.params;
      const status = await desk?.findAgent(agentId);
      const isBusy = status?.state === 'talking' || status?.state === 'wrap-up';
      const intake = await intakes.currentOf(agentId, isBusy ? status.callId : undefined);
      if (!intake) throw new ApiError('NOT_FOUND');
      return wholeView(stores, intake);
    },
  });
  api.get('/intakes', {
    ...about(
      'intakes',
      'Unfinished ones: nobody saved them when wrap-up ended; oldest first',
      { permission: 'intakes.list' },
      { response: { 200: z.object({ intakes: z.array(headSchema) }) } },
    ),
    handler: async () => ({ intakes: (await stores.intakes.open({ limit: 500, left: true })).map(head) }),
  });
  api.get('/intakes/:intakeId', {
    onRequest: ownOnly(intakes),
    ...about('intakes', 'One intake', guard, { params, response: { 200: viewSchema } }),
    handler: async (request) => wholeView(stores, await ownIntake(request, intakes)),
  });
  api.get('/intakes/:intakeId/text', {
    onRequest: ownOnly(intakes),
    ...about('intakes', 'The text to read back to the caller', guard, {
      params,
      querystring: z.strictObject({ language: z.enum(reportLanguages).default('ja') }),
      response: { 200: z.object({ text: z.string() }) },
    }),
    handler: async (request) => {
      const { form, accountId } = await ownIntake(request, intakes);
      return { text: readBack(form, await stores.cards.find(accountId), request.query.language) };
    },
  });
  intakeWriteRoutes(api, parts);
}

function intakeWriteRoutes(api: Api, parts: IntakeParts): void {
  const { intakes } = parts;
  const { stores } = intakes;
  const recordHelp = helpOnRecord(parts);
  const version = z.int().min(1).meta({ description: 'that the change was made on' });
  api.patch('/intakes/:intakeId', {
    onRequest: ownOnly(intakes),
    ...about('intakes', 'Keep what was typed; 409 with how it stands where somebody else has typed since', guard, {
      params,
      body: z.strictObject({ version, form: intakeFormChangeSchema }),
      response: { 200: z.object({ version: z.int(), hints: hintsSchema }), 409: changedSchema },
    }),
    handler: async (request, reply) => {
      const intake = await ownIntake(request, intakes);
      const { intakeId } = intake;
      await recordHelp(request, intake, request.body.version);
      const result = await intakes.type(intakeId, request.body.version, request.body.form);
      if (result.outcome === 'closed') throw new ApiError('INTAKE_SAVED');
      if (result.outcome === 'changed') return reply.code(409).send(changed(result.intake));
      const { accountId } = result.intake;
      const known = {
        account: await stores.accounts.findAccount(accountId),
        card: await stores.cards.find(accountId),
      };
      return { version: result.intake.version, hints: told(await hintsFor(stores, result.intake, known)) };
    },
  });
  api.post('/intakes/:intakeId/save', {
    onRequest: ownOnly(intakes),
    ...about('intakes', 'Report the intake to the account', guard, {
      params,
      body: z.strictObject({ version }),
      response: {
        200: z.object({ reportIds: z.array(z.string()), deliveries: deliveriesSchema }),
        409: changedSchema,
      },
    }),
    handler: async (request, reply) => {
      const { intakeId } = await ownIntake(request, intakes);
      const result = await intakes.save(intakeId, request.body.version, actorFrom(request));
      if (result.outcome === 'changed') return reply.code(409).send(changed(result.intake));
      if (result.outcome === 'saved') return { reportIds: result.reportIds, ...sent(result.deliveries) };
      const [first] = result.faults;
      throw new ApiError('INTAKE_UNFIT', {
        message: result.faults.map(({ field, message }) => `form.${field}: ${message}`).join('; '),
        ...(first ? { path: `form.${first.field}` } : {}),
      });
    },
  });
}

/** Of forms that somebody else has typed into, so many are remembered. */
const helpedMax = 10_000;

/**
 * That somebody types into another's form is on the audit record before it is done: once for each of the two, not at
 * each key. (Once more after a restart.)
 */
function helpOnRecord(parts: IntakeParts) {
  const helped = new Set<string>();
  return async (request: FastifyRequest, intake: Intake, version: number): Promise<void> => {
    const { intakeId, accountId, callId, agentId } = intake;
    const { userId } = whoIs(request).user;
    const isRefused = intake.state === 'saved' || intake.version !== version;
    if (agentId === userId || isRefused || helped.has(`${userId} ${intakeId}`)) return;
    await makeChange(parts, actorFrom(request), (change) =>
      onRecord(change, 'intake.change', { kind: 'case', id: intakeId, accountId }, { after: { callId, agentId } }),
    );
    if (helped.size >= helpedMax) helped.clear();
    helped.add(`${userId} ${intakeId}`);
  };
}

/** What is another agent's is answered as if it did not exist, before a body is looked at. */
function ownOnly(intakes: Intakes) {
  return async (request: FastifyRequest): Promise<void> => {
    await ownIntake(request, intakes);
  };
}

async function ownIntake(request: FastifyRequest, intakes: Intakes): Promise<Intake> {
  const { intakeId = '' } = request.params as { intakeId?: string };
  const intake = await intakes.find(intakeId);
  const mayAll = scopeFor(request, 'intakes.write') === 'all';
  if (!intake || (!mayAll && intake.agentId !== whoIs(request).user.userId)) throw new ApiError('NOT_FOUND');
  return intake;
}

async function wholeView(stores: IntakeStores, intake: Intake): Promise<z.infer<typeof viewSchema>> {
  const { account, card, callerName, earlierCalls, deliveries, hints } = await viewIntake(stores, intake);
  return {
    ...head(intake),
    ...(account ? { account } : {}),
    ...(card ? { card } : {}),
    caller: { number: intake.callerNumber ?? null, ...(callerName === undefined ? {} : { name: callerName }) },
    earlierCalls,
    learned: { ...intake.learned },
    ...sent(deliveries),
    hints: told(hints),
  };
}

function head({ leftAtMs, closedAtMs: reportedAtMs, ...intake }: Intake): z.infer<typeof headSchema> {
  return {
    ...intake,
    ...(leftAtMs === undefined ? {} : { leftAtMs }),
    ...(reportedAtMs === undefined ? {} : { reportedAtMs }),
  };
}

function sent(deliveries: number | undefined): { deliveries?: number } {
  return deliveries === undefined ? {} : { deliveries };
}

function told({ emergencyNumber, ...hints }: IntakeHints): z.infer<typeof hintsSchema> {
  return { ...hints, ...(emergencyNumber === undefined ? {} : { emergencyNumber }) };
}

function changed({ version, state, form }: Intake): z.infer<typeof changedSchema> {
  const { message, remedy } = errorCatalogue.INTAKE_CHANGED;
  return { error: { code: 'INTAKE_CHANGED', message, remedy }, current: { version, state, form } };
}
