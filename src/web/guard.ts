import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Actor } from '../accounts/audit.ts';
import { actorOf, type SignedIn, type SignIn, type Visitor } from '../accounts/sign-in.ts';
import { assert } from '../kernel/assert.ts';
import { ApiError } from './errors.ts';
import { type Permission, permissions, type Scope, scopeOf } from './permissions.ts';

/** How a route is guarded: open to all, or by a row of the table. */
export type RouteGuard =
  | { public: true }
  | {
      permission: Permission;
      /** The path parameter that says whose it is: a user's id, or an account's. */
      owner?: 'userId' | 'agentId' | 'accountId';
      /** Without `owner`: the handler itself gives only what is the user's own, by {@link scopeFor}. */
      ownOnly?: true;
    };

declare module 'fastify' {
  interface FastifyContextConfig {
    guard?: RouteGuard;
  }
  interface FastifyRequest {
    signedIn: SignedIn | undefined;
  }
}

/** On requests that change something: another site's page cannot make a browser send it (CSRF). */
export const customHeader = 'x-denwaban';
const sessionCookie = 'denwaban_session';
const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Such requests carry {@link customHeader}. */
export function changesSomething(method: string): boolean {
  return !safeMethods.has(method);
}

/** Where browsers reach the server, where that is configured. */
export interface GuardOptions {
  signIn: SignIn;
  publicUrl: URL | undefined;
}

/** Refuses to register a route that forgets its guard, or one whose `own` nobody looks at. */
export function requireGuard(method: string, url: string, guard: RouteGuard | undefined): void {
  assert(guard, `${method} ${url} has no guard`);
  if ('public' in guard || guard.ownOnly) return;
  const owned = guard.owner !== undefined && url.includes(`:${guard.owner}`);
  const rights: readonly Scope[] = Object.values(permissions[guard.permission]);
  assert(owned || !rights.includes('own'), `${method} ${url}: nobody checks whose it is`);
}

/** Lets a request on or ends it with an error, before its body is read. */
export async function guardRequest(request: FastifyRequest, options: GuardOptions): Promise<void> {
  const { guard } = request.routeOptions.config;
  if (!guard) return; // The answer is 404.
  if (changesSomething(request.method)) refuseCrossSite(request, options);
  if ('public' in guard) return;
  request.signedIn = await readSession(request, options);
  if (!request.signedIn) throw new ApiError('NOT_SIGNED_IN');
  const { user } = request.signedIn;
  // Somebody else knows it too: it lets nobody do anything in its user's name.
  if (user.passwordTemporary && guard.permission !== 'self') throw new ApiError('PASSWORD_TEMPORARY');
  const scope = scopeOf(guard.permission, user.role);
  if (!scope) throw new ApiError('NOT_ALLOWED');
  if (scope === 'all' || guard.owner === undefined) return;
  const parameters = request.params as Record<string, string | undefined>;
  const mine = guard.owner === 'accountId' ? user.accountId : user.userId;
  // As if it did not exist: whether it does is not theirs to know.
  if (mine === undefined || parameters[guard.owner] !== mine) throw new ApiError('NOT_FOUND');
}

/** Whether the session of a long answer still lasts, and is that of the same user in the same role. */
export async function isStillSignedIn(request: FastifyRequest, options: GuardOptions): Promise<boolean> {
  const [before, now] = [whoIs(request).user, (await readSession(request, options))?.user];
  return now?.userId === before.userId && now.role === before.role;
}

async function readSession(request: FastifyRequest, options: GuardOptions): Promise<SignedIn | undefined> {
  const token = request.cookies[sessionCookieName(isSecure(request, options))];
  return token ? options.signIn.resume(token) : undefined;
}

/** Who sends the request. Only for routes that are not public. */
export function whoIs(request: FastifyRequest): SignedIn {
  assert(request.signedIn, 'a guarded route without a user');
  return request.signedIn;
}

/** How the record names who sends the request. */
export function actorFrom(request: FastifyRequest): Actor {
  return { ...actorOf(whoIs(request).user), address: request.ip };
}

export function visitorFrom(request: FastifyRequest): Visitor {
  return { address: request.ip, userAgent: request.headers['user-agent'] ?? '' };
}

/** What the user may see of a list. */
export function scopeFor(request: FastifyRequest, permission: Permission): Scope {
  const scope = scopeOf(permission, whoIs(request).user.role);
  assert(scope, `a list was reached without the right ${permission}`);
  return scope;
}

/** Gives the browser its session, or takes it away. */
export function setSessionCookie(
  request: FastifyRequest,
  reply: FastifyReply,
  options: GuardOptions,
  token: string | undefined,
): void {
  const secure = isSecure(request, options);
  const attributes = { httpOnly: true, sameSite: 'strict', secure, path: '/' } as const;
  if (token === undefined) reply.clearCookie(sessionCookieName(secure), attributes);
  else reply.setCookie(sessionCookieName(secure), token, attributes);
}

export function isSecure(request: FastifyRequest, { publicUrl }: Pick<GuardOptions, 'publicUrl'>): boolean {
  return publicUrl ? publicUrl.protocol === 'https:' : request.protocol === 'https';
}

/** `__Host-`: browsers take it only over https and from this very host. */
export function sessionCookieName(secure: boolean): string {
  return secure ? `__Host-${sessionCookie}` : sessionCookie;
}

function refuseCrossSite(request: FastifyRequest, { publicUrl }: GuardOptions): void {
  const { origin, [customHeader]: custom, 'sec-fetch-site': site } = request.headers;
  if (custom === undefined) throw new ApiError('CROSS_SITE');
  if (site !== undefined && site !== 'same-origin' && site !== 'none') throw new ApiError('CROSS_SITE');
  if (origin === undefined) return; // No browser: they all send it with such requests.
  const from = URL.canParse(origin) ? new URL(origin) : undefined;
  const same = publicUrl ? from?.origin === publicUrl.origin : from?.host === request.host;
  if (!same) throw new ApiError('CROSS_SITE');
}
