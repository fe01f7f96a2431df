import { z } from 'zod';
import { accountIdSchema } from '../../accounts/accounts.ts';
import { makeChange } from '../../accounts/change.ts';
import { type FlowFault, faultLine } from '../../flow/fault.ts';
import { checkFlowInHouse } from '../../flow/house.ts';
import { type Api, about, idSchema, type RouteParts } from '../api.ts';
import { ApiError } from '../errors.ts';
import { actorFrom } from '../guard.ts';
import { houseOf, knownFacts } from '../house.ts';
import { publishFlow } from '../publish-flow.ts';

const bodySchema = z
  .record(z.string(), z.unknown())
  .meta({ description: 'A flow (flows/REFERENCE.md, flows/flow.schema.json)' });
const faultSchema = z.object({
  path: z.string().meta({ description: 'JSON path in the flow: $.nodes.menu.next' }),
  code: z.string(),
  message: z.string(),
  remedy: z.string(),
  ja: z.object({ message: z.string(), remedy: z.string() }).meta({ description: 'The same in Japanese' }),
});
const versionSchema = z.object({ flowId: z.string(), version: z.int() });
const headSchema = versionSchema.extend({ accountId: z.string(), publishedAtMs: z.int() });
const faultsShown = 20;

/** Flows: checked, published, read. Calls in progress stay on the version that they began with. */
export function flowRoutes(api: Api, parts: RouteParts): void {
  const { data } = parts;
  /** By what the house has, and by what the account may do: the one named, or whose flow it is. */
  const check = async (flow: unknown, accountId?: string) =>
    checkFlowInHouse(flow, houseOf(parts.house, await knownFacts(data, accountId ?? (await ownerOf(flow)))));
  const ownerOf = async (flow: unknown) => {
    const named = z.looseObject({ flowId: idSchema }).safeParse(flow);
    return named.success ? (await data.flows.findFlow(named.data.flowId))?.accountId : undefined;
  };
  api.post('/flows/check', {
    ...about(
      'flows',
      'Check a flow without publishing it: every fault, with its JSON path',
      { permission: 'flows.write' },
      {
        querystring: z.strictObject({
          accountId: accountIdSchema
            .optional()
            .meta({ description: 'what this account may dial; else whose flow it is' }),
        }),
        body: bodySchema,
        response: { 200: z.object({ sound: z.boolean(), faults: z.array(faultSchema) }) },
      },
    ),
    handler: async (request) => {
      const checked = await check(request.body, request.query.accountId);
      return { sound: checked.ok, faults: checked.ok ? [] : checked.faults };
    },
  });
  const accountParams = z.strictObject({ accountId: accountIdSchema });
  api.get('/accounts/:accountId/flows', {
    ...about(
      'flows',
      'The flows of an account, each in its newest version',
      { permission: 'flows.read' },
      { params: accountParams, response: { 200: z.object({ flows: z.array(headSchema) }) } },
    ),
    handler: async (request) => {
      const { accountId } = request.params;
      if (!(await data.accounts.findAccount(accountId))) throw new ApiError('NOT_FOUND');
      const flows = await data.flows.listFlows(accountId);
      return { flows: flows.map(({ definition: _, ...head }) => head) };
    },
  });
  api.get('/flows/:flowId', {
    ...about(
      'flows',
      'One flow: its newest version, or the one named',
      { permission: 'flows.read' },
      {
        params: z.strictObject({ flowId: idSchema }),
        querystring: z.strictObject({ version: z.coerce.number().int().min(1).optional() }),
        response: { 200: headSchema.extend({ definition: z.unknown() }) },
      },
    ),
    handler: async (request) => {
      const flow = await data.flows.findFlow(request.params.flowId, request.query.version);
      if (!flow) throw new ApiError('NOT_FOUND');
      return flow;
    },
  });
  api.put('/accounts/:accountId/flows/:flowId', {
    ...about(
      'flows',
      'Check a flow and publish it as the next version; one that is as it was keeps its version',
      { permission: 'flows.write' },
      { params: accountParams.extend({ flowId: idSchema }), body: bodySchema, response: { 200: versionSchema } },
    ),
    handler: async (request) => {
      const { accountId, flowId } = request.params;
      const checked = await check(request.body, accountId);
      if (!checked.ok) throw unsound(checked.faults);
      if (checked.flow.flowId !== flowId) {
        throw new ApiError('INPUT_INVALID', { message: 'body and path name two flows', path: 'body.flowId' });
      }
      return makeChange(parts, actorFrom(request), (change) => publishFlow(change, accountId, checked.flow));
    },
  });
}

function unsound(faults: readonly FlowFault[]): ApiError {
  const [first] = faults;
  return new ApiError('FLOW_INVALID', {
    message: faults.slice(0, faultsShown).map(faultLine).join('; '),
    ...(first ? { path: first.path, remedy: `${first.remedy} / ${first.ja.remedy}` } : {}),
  });
}
