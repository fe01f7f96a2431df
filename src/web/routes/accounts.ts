import { z } from 'zod';
import {
  type Account,
  accountIdSchema,
  accountSchema,
  answeringServices,
  assignedNumberSchema,
  writtenAccountSchema,
} from '../../accounts/accounts.ts';
import {
  type AccountCard,
  cardRulesSchema,
  cardSchema,
  deskCard,
  deskCardSchema,
  maskCard,
  writtenRulesSchema,
} from '../../accounts/cards.ts';
import { makeChange } from '../../accounts/change.ts';
import {
  releaseNumber,
  saveAccount,
  saveCard,
  saveCardRules,
  setAnsweringService,
} from '../../accounts/manage-accounts.ts';
import { type Api, about, done, doneSchema, type RouteParts } from '../api.ts';
import { assignCheckedNumber } from '../assign-number.ts';
import { cardTargetFaults } from '../card-targets.ts';
import { ApiError } from '../errors.ts';
import { actorFrom, scopeFor, whoIs } from '../guard.ts';

const params = z.strictObject({ accountId: accountIdSchema });
const numbersSchema = z.object({ numbers: z.array(assignedNumberSchema) });

/** Accounts. */
export function accountRoutes(api: Api, parts: RouteParts): void {
  const { accounts } = parts.data;
  api.get('/accounts', {
    ...about(
      'accounts',
      'The accounts that one may see',
      { permission: 'accounts.list', ownOnly: true },
      { response: { 200: z.object({ accounts: z.array(accountSchema) }) } },
    ),
    handler: async (request) => {
      if (scopeFor(request, 'accounts.list') === 'all') return { accounts: await accounts.listAccounts() };
      const own = await accounts.findAccount(whoIs(request).user.accountId ?? '');
      return { accounts: own ? [own] : [] };
    },
  });
  api.get('/accounts/:accountId', {
    ...about(
      'accounts',
      'One account',
      { permission: 'accounts.read', owner: 'accountId' },
      { params, response: { 200: accountSchema } },
    ),
    handler: async (request) => knownAccount(parts, request.params.accountId),
  });
  api.put('/accounts/:accountId', {
    ...about(
      'accounts',
      'Add or replace an account; status and answering service stay as they are where not given',
      { permission: 'accounts.write' },
      { params, body: writtenAccountSchema, response: { 200: accountSchema } },
    ),
    handler: async (request) => {
      sameAccount(request.body.accountId, request.params.accountId);
      return makeChange(parts, actorFrom(request), (change) => saveAccount(change, request.body));
    },
  });
  api.put('/accounts/:accountId/answering-service', {
    ...about(
      'accounts',
      'Suspend the answering service of an account, or let it go on, with complaints counted anew',
      { permission: 'accounts.write' },
      {
        params,
        body: z.strictObject({ answeringService: z.enum(answeringServices) }),
        response: { 200: accountSchema },
      },
    ),
    handler: async (request) => {
      const { accountId } = await knownAccount(parts, request.params.accountId);
      const { answeringService } = request.body;
      return makeChange(parts, actorFrom(request), (change) =>
        setAnsweringService(change, accountId, answeringService),
      );
    },
  });
}

/** Numbers assigned to accounts. */
export function numberRoutes(api: Api, parts: RouteParts): void {
  const { accounts } = parts.data;
  const numberParams = z.strictObject({ number: z.string().min(1).max(40) });
  api.get('/numbers', {
    ...about('numbers', 'All assigned numbers', { permission: 'numbers.list' }, { response: { 200: numbersSchema } }),
    handler: async () => ({ numbers: await accounts.listNumbers() }),
  });
  api.get('/accounts/:accountId/numbers', {
    ...about(
      'numbers',
      'The numbers of an account',
      { permission: 'numbers.read', owner: 'accountId' },
      { params, response: { 200: numbersSchema } },
    ),
    handler: async (request) => {
      const { accountId } = await knownAccount(parts, request.params.accountId);
      return { numbers: await accounts.listNumbers(accountId) };
    },
  });
  api.put('/numbers/:number', {
    ...about(
      'numbers',
      'Give a number to an account, answered by one of its flows; another account’s only with `move`',
      { permission: 'numbers.write' },
      {
        params: numberParams,
        body: assignedNumberSchema.omit({ number: true }).extend({
          move: z.boolean().default(false).meta({ description: 'also where it is another account’s now' }),
        }),
        response: { 200: assignedNumberSchema },
      },
    ),
    handler: async (request) => {
      const { move, ...assigned } = { ...request.body, number: request.params.number };
      const moveRemedy = 'Send "move": true to take it from there';
      return makeChange(parts, actorFrom(request), (change) =>
        assignCheckedNumber(change, assigned, { move, moveRemedy }),
      );
    },
  });
  api.delete('/numbers/:number', {
    ...about(
      'numbers',
      'Take a number away from its account',
      { permission: 'numbers.write' },
      { params: numberParams, response: { 200: doneSchema } },
    ),
    handler: async (request) => {
      await makeChange(parts, actorFrom(request), (change) => releaseNumber(change, request.params.number));
      return done;
    },
  });
}

/** Accounts' cards. */
export function cardRoutes(api: Api, parts: RouteParts): void {
  const { cards, agents } = parts.data;
  api.get('/accounts/:accountId/card', {
    ...about(
      'cards',
      'The card of an account; secrets are masked',
      { permission: 'cards.read', owner: 'accountId' },
      { params, response: { 200: cardSchema } },
    ),
    handler: async (request) => {
      const card = await cards.find(request.params.accountId);
      if (!card) throw new ApiError('NOT_FOUND');
      return maskCard(card);
    },
  });
  api.put('/accounts/:accountId/card', {
    ...about(
      'cards',
      'Add or replace the card of an account; what is still masked is kept',
      { permission: 'cards.write', owner: 'accountId' },
      { params, body: cardSchema, response: { 200: cardSchema } },
    ),
    handler: async (request) => {
      sameAccount(request.body.accountId, request.params.accountId);
      refuseTargets(parts, request.body);
      return maskCard(await makeChange(parts, actorFrom(request), (change) => saveCard(change, request.body)));
    },
  });
  api.get('/accounts/:accountId/desk-card', {
    ...about(
      'cards',
      'What agents see of an account',
      { permission: 'cards.desk' },
      { params, response: { 200: deskCardSchema } },
    ),
    handler: async (request) => {
      const { accountId } = request.params;
      const { user } = whoIs(request);
      const agent = user.role === 'agent' ? await agents.find(user.userId) : undefined;
      const card = await cards.find(accountId);
      if (!card || agent?.refusedAccounts.includes(accountId)) throw new ApiError('NOT_FOUND');
      return deskCard(card);
    },
  });
  cardRulesRoutes(api, parts);
}

function cardRulesRoutes(api: Api, parts: RouteParts): void {
  api.get('/accounts/:accountId/rules', {
    ...about(
      'cards',
      "The provider's rules for an account",
      { permission: 'cards.rules' },
      { params, response: { 200: cardRulesSchema } },
    ),
    handler: async (request) => {
      const { accountId } = await knownAccount(parts, request.params.accountId);
      return parts.data.cards.rules(accountId);
    },
  });
  api.put('/accounts/:accountId/rules', {
    ...about(
      'cards',
      "Set the provider's rules for an account",
      { permission: 'cards.rules' },
      { params, body: writtenRulesSchema, response: { 200: cardRulesSchema } },
    ),
    handler: async (request) => {
      const { accountId } = request.params;
      return makeChange(parts, actorFrom(request), (change) => saveCardRules(change, accountId, request.body));
    },
  });
}

async function knownAccount({ data }: RouteParts, accountId: string): Promise<Account> {
  const account = await data.accounts.findAccount(accountId);
  // The same words as for an account that is not one's own.
  if (!account) throw new ApiError('NOT_FOUND');
  return account;
}

/** Reports are not to be sent into the house, nor to what is no address. */
function refuseTargets({ targets }: RouteParts, card: AccountCard): void {
  const faults = cardTargetFaults(targets, card).map((fault) => ({
    ...fault,
    place: ['body', ...fault.path].join('.'),
  }));
  const [first] = faults;
  if (!first) return;
  throw new ApiError('INPUT_INVALID', {
    message: faults.map(({ place, message }) => `${place}: ${message}`).join('; '),
    remedy: first.remedy,
    path: first.place,
  });
}

function sameAccount(inBody: string, inPath: string): void {
  if (inBody === inPath) return;
  throw new ApiError('INPUT_INVALID', { message: 'body and path name two accounts', path: 'body.accountId' });
}
