import { z } from 'zod';
import type { SignInResult } from '../../accounts/sign-in.ts';
import { userSchema } from '../../accounts/users.ts';
import { type Api, about, done, doneSchema, type RouteParts } from '../api.ts';
import { ApiError } from '../errors.ts';
import { actorFrom, type RouteGuard, setSessionCookie, visitorFrom, whoIs } from '../guard.ts';

const passwordSchema = z.string().min(1).max(1_000);
const self: RouteGuard = { permission: 'self', ownOnly: true };

const meSchema = z.object({
  user: userSchema,
  session: z.object({ sessionId: z.string(), createdAtMs: z.int(), expiresAtMs: z.int() }),
});

/** Signing in and out, and what concerns oneself. */
export function sessionRoutes(api: Api, parts: RouteParts): void {
  const { signIn } = parts;
  const login = z.strictObject({ loginName: z.string().min(1).max(200), password: passwordSchema });
  api.post('/login', {
    bodyLimit: 8_192,
    ...about(
      'session',
      'Sign in; the session is a cookie. With a temporary password it is good for choosing another alone',
      { public: true },
      { body: login, response: { 200: meSchema } },
    ),
    handler: async (request, reply) => {
      const { loginName, password } = request.body;
      const { token, ...me } = letIn(await signIn.signIn(loginName, password, visitorFrom(request)), 'SIGN_IN_REFUSED');
      setSessionCookie(request, reply, parts, token);
      return me;
    },
  });
  api.post('/logout', {
    ...about('session', 'Sign out', self, { response: { 200: doneSchema } }),
    handler: async (request, reply) => {
      await signIn.signOut(whoIs(request), actorFrom(request));
      setSessionCookie(request, reply, parts, undefined);
      return done;
    },
  });
  api.get('/me', {
    ...about('session', 'Who is signed in', self, { response: { 200: meSchema } }),
    handler: async (request) => whoIs(request),
  });
  const change = z.strictObject({ oldPassword: passwordSchema, newPassword: passwordSchema });
  api.put('/me/password', {
    ...about('session', 'Change the own password; every other session ends', self, {
      body: change,
      response: { 200: meSchema },
    }),
    handler: async (request, reply) => {
      const { oldPassword, newPassword } = request.body;
      const passwords = { old: oldPassword, new: newPassword };
      const result = await signIn.changePassword(whoIs(request), passwords, actorFrom(request), visitorFrom(request));
      const { token, ...me } = letIn(result, 'PASSWORD_WRONG');
      setSessionCookie(request, reply, parts, token);
      return me;
    },
  });
}

function letIn(result: SignInResult, refusal: 'SIGN_IN_REFUSED' | 'PASSWORD_WRONG') {
  if (result.ok) {
    const { token, user, session } = result;
    return { token, user, session };
  }
  if (result.why === 'wrong') throw new ApiError(refusal);
  if (result.why === 'expired') throw new ApiError('PASSWORD_EXPIRED');
  const seconds = Math.ceil(result.retryAfterMs / 1_000);
  throw new ApiError('TOO_MANY_ATTEMPTS', { headers: { 'retry-after': String(seconds) } });
}
