import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import cookies from '@fastify/cookie';
import files from '@fastify/static';
import swagger from '@fastify/swagger';
import fastify, { type FastifyReply, type FastifyRequest, type RouteOptions } from 'fastify';
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import { createSignIn } from '../accounts/sign-in.ts';
import type { AgentHistoryStore } from '../desk/agent-history.ts';
import type { CallOrders } from '../desk/call-orders.ts';
import type { DeskStaffStore } from '../desk/desk-store.ts';
import type { Intakes } from '../desk/intakes.ts';
import type { DeskLive } from '../desk/live.ts';
import { DenwabanError, errorMessage } from '../kernel/errors.ts';
import type { Api, ApiParts, RouteParts } from './api.ts';
import { limitConnections } from './connections.ts';
import { describedFor, description } from './description.ts';
import { ApiError, toAnswer } from './errors.ts';
import { guardRequest, isSecure, requireGuard } from './guard.ts';
import { accountRoutes, cardRoutes, numberRoutes } from './routes/accounts.ts';
import { agentHistoryRoutes } from './routes/agent-history.ts';
import { attentionRoutes } from './routes/attention.ts';
import { auditRoutes } from './routes/audit.ts';
import { callLogRoutes } from './routes/call-log.ts';
import { callRoutes } from './routes/calls.ts';
import { agentRoutes, queueRoutes } from './routes/desk.ts';
import { deskLiveRoutes } from './routes/desk-live.ts';
import { deskWorkRoutes } from './routes/desk-work.ts';
import { flowRoutes } from './routes/flows.ts';
import { type Health, healthRoute } from './routes/health.ts';
import { intakeRoutes } from './routes/intakes.ts';
import { outboxRoutes } from './routes/outbox.ts';
import { type RecordingParts, recordingLinkRoute, recordingRoutes } from './routes/recordings.ts';
import { refusalRoutes } from './routes/refusals.ts';
import { reportRoutes } from './routes/reports.ts';
import { sessionRoutes } from './routes/session.ts';
import { userRoutes } from './routes/users.ts';

export interface HttpServerOptions extends ApiParts {
  address: string;
  port: number;
  health: () => Promise<Health>;
  /** Agents at work; without it there are no routes for them. */
  desk?: DeskStaffStore;
  /** The desk as it changes; without it there is no route that shows it. */
  deskLive?: DeskLive;
  /** What is ordered of calls in progress; without it there are no routes for that. */
  callOrders?: CallOrders;
  /** What agents did when; without it there is no route for it. */
  agentHistory?: AgentHistoryStore;
  /** Forms of calls, and reports; without it there are no routes for them. */
  intakes?: Intakes;
  /** Messages and recordings; without it there are no routes for them. */
  recordings?: RecordingParts;
  /** Where browsers reach it, when that is not this address: behind a proxy that speaks https. */
  publicUrl?: string | undefined;
  /** Addresses of proxies whose X-Forwarded-… is believed. */
  trustedProxies?: readonly string[];
  /** The console's pages, built. Without the folder there are none. */
  consoleFolder?: string;
}

export interface HttpServer {
  port: number;
  /** Every route: what it is reached by and how it is guarded. */
  routes: readonly { method: string; url: string }[];
  stop(): Promise<void>;
}

/** A card with everything in it. */
const bodyMaxBytes = 1_048_576;
/** A request must have come as far as its body within this, from the moment its connection stands. */
const headersTimeoutMs = 10_000;
const apiPrefix = '/api/v1';

/**
 * The HTTP server: `/health`, the API under `/api/v1` with its description at `/api/openapi.json`, the console's pages.
 * @throws DenwabanError `HTTP_PORT_IN_USE`.
 */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { address, logger } = options;
  const publicUrl = options.publicUrl === undefined ? undefined : new URL(options.publicUrl);
  const parts: RouteParts = {
    ...options,
    publicUrl,
    signIn: createSignIn({ ...options, ...(options.signInLimits ? { limits: options.signInLimits } : {}) }),
  };
  const app = fastify({
    frameworkErrors: (error, _, reply) => answerError(error, reply.headers(securityHeaders)),
    bodyLimit: bodyMaxBytes,
    trustProxy: options.trustedProxies?.length ? [...options.trustedProxies] : false,
    requestTimeout: 30_000,
    http: { headersTimeout: headersTimeoutMs, connectionsCheckingInterval: 2_000 },
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 200 },
  });
  limitConnections(app.server, options.trustedProxies ?? [], options.clock);
  const registered: RouteOptions[] = [];
  app.addHook('onRoute', (route) => void registered.push(route));
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.removeContentTypeParser('text/plain');
  app.decorateRequest('signedIn', undefined);
  await app.register(cookies);
  await app.register(swagger, description);
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(securityHeaders);
    if (isSecure(request, parts)) reply.header('strict-transport-security', 'max-age=31536000');
    if (/^\/(api|health)\b/.test(request.url)) reply.header('cache-control', 'no-store');
    await guardRequest(request, parts);
  });
  app.setErrorHandler((error, request, reply) => {
    const route = `${request.method} ${request.routeOptions.url ?? ''}`;
    if (toAnswer(error).fault) logger.error({ err: errorMessage(error), route }, 'a request failed');
    return answerError(error, reply);
  });
  const api = app.withTypeProvider<ZodTypeProvider>();
  healthRoute(api, options.health);
  await api.register(async (scoped: Api) => addApi(scoped, parts, options), { prefix: apiPrefix });
  api.get('/api/openapi.json', {
    config: { guard: { public: true } },
    schema: { hide: true },
    handler: async (request) => describedFor(app.swagger(), isSecure(request, parts)),
  });
  const { recordings } = options;
  if (recordings) await api.register(async (scoped: Api) => recordingLinkRoute(scoped, parts, recordings));
  const page = await addPages(api, options.consoleFolder);
  app.setNotFoundHandler((request, reply) => {
    // The console finds its own way by the address: every page of it is this one.
    if (page !== undefined && isPage(request)) {
      return reply.type('text/html; charset=utf-8').header('cache-control', 'no-cache').send(page);
    }
    return refuse(request, routes);
  });
  await app.ready();
  const routes = registered.flatMap(({ method, url, config }) =>
    [method].flat().map((one) => {
      requireGuard(one, url, config?.guard);
      return { method: one, url };
    }),
  );
  const port = await listen(api, address, options.port);
  return { port, routes, stop: () => app.close() };
}

/** What the rest of the program may reach by HTTP stands here, room by room. */
async function addApi(api: Api, parts: RouteParts, options: HttpServerOptions): Promise<void> {
  const { desk, deskLive, callOrders, agentHistory, intakes, recordings } = options;
  sessionRoutes(api, parts);
  userRoutes(api, parts);
  agentRoutes(api, parts);
  queueRoutes(api, parts);
  accountRoutes(api, parts);
  numberRoutes(api, parts);
  cardRoutes(api, parts);
  flowRoutes(api, parts);
  callLogRoutes(api, parts.facts);
  refusalRoutes(api, parts.facts, parts.clock);
  outboxRoutes(api, parts);
  auditRoutes(api, parts);
  if (desk) deskWorkRoutes(api, parts, desk);
  if (agentHistory) agentHistoryRoutes(api, parts, agentHistory);
  if (deskLive) deskLiveRoutes(api, parts, deskLive);
  if (callOrders) callRoutes(api, { ...parts, orders: callOrders });
  if (recordings) await recordingRoutes(api, parts, recordings);
  if (!intakes) return;
  intakeRoutes(api, { ...parts, intakes, desk });
  reportRoutes(api, intakes.stores);
  attentionRoutes(api, parts, { ...intakes.stores, voicemails: recordings?.voicemails });
}

/** Pages run only their own scripts, are shown in no other site's frame, and tell nobody where they were. */
const securityHeaders = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data:",
    "font-src 'self'",
    "media-src 'self'",
    "connect-src 'self'",
    "manifest-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
};

/** The console's files, each a public route. Gives its one page, or undefined where nothing is built. */
async function addPages(api: Api, folder: string | undefined): Promise<string | undefined> {
  if (folder === undefined || !existsSync(join(folder, 'index.html'))) return undefined;
  await api.register(async (scoped: Api) => {
    scoped.addHook('onRoute', (route) => {
      route.config = { ...route.config, guard: { public: true } };
    });
    await scoped.register(files, {
      ...{
        root: folder,
        wildcard: false,
        preCompressed: true,
        globIgnore: ['**/*.br', '**/*.gz'],
        cacheControl: false,
      },
      // What is under assets/ has its hash in its name, and never changes.
      setHeaders: (reply, path) => {
        reply.header('cache-control', path.includes('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache');
      },
    });
  });
  return readFileSync(join(folder, 'index.html'), 'utf8');
}

function answerError(error: unknown, reply: Pick<FastifyReply, 'code'>): FastifyReply {
  const { status, headers, body } = toAnswer(error);
  return reply.code(status).headers(headers).type('application/json; charset=utf-8').send(body);
}

function isPage(request: FastifyRequest): boolean {
  const accepts = request.headers.accept ?? '';
  return request.method === 'GET' && accepts.includes('text/html') && !/^\/(api|health)\b/.test(request.url);
}

/** 405 where there is something by another method, else 404. */
function refuse(request: FastifyRequest, routes: HttpServer['routes']): FastifyReply {
  const path = request.url.split('?')[0] ?? '';
  const matches = ({ url }: { url: string }) => {
    const parts = url.split('/').map((part) => (part.startsWith(':') ? '[^/]+' : part.replace(/\W/g, '\\$&')));
    return new RegExp(`^${parts.join('/')}$`).test(path);
  };
  const methods = [...new Set(routes.filter(matches).map(({ method }) => method))].join(', ');
  if (!methods) throw new ApiError('NOT_FOUND');
  throw new ApiError('METHOD_NOT_ALLOWED', { remedy: `Use ${methods}`, headers: { allow: methods } });
}

async function listen(api: Api, address: string, port: number): Promise<number> {
  try {
    await api.listen({ host: address, port });
  } catch (error) {
    await api.close();
    if (!(error instanceof Error) || !('code' in error) || error.code !== 'EADDRINUSE') throw error;
    throw new DenwabanError('HTTP_PORT_IN_USE', `HTTP port ${port} on ${address} is in use`, {
      remedy: 'Stop what uses it, or set HTTP_PORT to another port',
    });
  }
  const bound = api.server.address();
  return typeof bound === 'object' && bound ? bound.port : port;
}
