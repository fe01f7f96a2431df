import { z } from 'zod';
import { accountIdSchema } from '../../accounts/accounts.ts';
import { makeChange } from '../../accounts/change.ts';
import { checkFlow } from '../../flow/checker.ts';
import { type Api, about, idSchema, type RouteParts } from '../api.ts';
import { ApiError } from '../errors.ts';
import { actorFrom } from '../guard.ts';
import { checkedIn, publishFlow } from '../publish-flow.ts';

const bodySchema = z
  .record(z.string(), z.unknown())
  .meta({ description: 'A flow (flows/REFERENCE.md, flows/flow.schema.json)' });
const faultSchema = z.object({
  path: z.string().meta({ description: 'JSON path in the flow: $.nodes.menu.next' }),
  code: z.string(),
  message: z.string(),
  remedy: z.string(),
});
const versionSchema = z.object({ flowId: z.string(), version: z.int() });
const headSchema = versionSchema.extend({ accountId: z.string(), publishedAtMs: z.int() });
const faultsShown = 20;

/** Flows: checked, published, read. Calls in progress stay on the version that they began with. */
export function flowRoutes(api: Api, parts: RouteParts): void {
  const { data } = parts;
  const checking = checkedIn(parts.flowFolder);
  api.post('/flows/check', {
    ...about(
      'flows',
      'Check a flow without publishing it: every fault, with its JSON path',
      { permission: 'flows.write' },
      { body: bodySchema, response: { 200: z.object({ sound: z.boolean(), faults: z.array(faultSchema) }) } },
    ),
    handler: async (request) => {
      const checked = checkFlow(request.body, checking);
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
      const checked = checkFlow(request.body, checking);
      if (!checked.ok) throw unsound(checked.faults);
      if (checked.flow.flowId !== flowId) {
        throw new ApiError('INPUT_INVALID', { message: 'body and path name two flows', path: 'body.flowId' });
      }
      return makeChange(parts, actorFrom(request), (change) => publishFlow(change, accountId, checked.flow));
    },
  });
}

function unsound(faults: readonly z.infer<typeof faultSchema>[]): ApiError {
  const [first] = faults;
  return new ApiError('FLOW_INVALID', {
    message: faults
      .slice(0, faultsShown)
      .map(({ path, message }) => `${path}: ${message}`)
      .join('; '),
    ...(first ? { path: first.path, remedy: first.remedy } : {}),
  });
}
