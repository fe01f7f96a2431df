import { z } from 'zod';
import { accountIdSchema } from '../../accounts/accounts.ts';
import { makeChange } from '../../accounts/change.ts';
import {
  addUser,
  changeUser,
  givePassword,
  knownUser,
  revokeSessions,
  setPassword,
} from '../../accounts/manage-users.ts';
import { loginNameSchema, roles, userSchema } from '../../accounts/users.ts';
import { type Api, about, done, doneSchema, idSchema, type RouteParts } from '../api.ts';
import { actorFrom } from '../guard.ts';

const params = z.strictObject({ userId: idSchema });
const newUserSchema = z.strictObject({
  loginName: loginNameSchema,
  displayName: z.string().min(1).max(100),
  role: z.enum(roles),
  accountId: accountIdSchema.optional(),
});
const userChangeSchema = newUserSchema
  .omit({ loginName: true })
  .extend({ status: z.enum(['active', 'disabled']) })
  .partial();
const withPasswordSchema = z.object({
  user: userSchema,
  password: z
    .string()
    .meta({ description: 'Shown this once; good for one thing within 14 days: to be changed by the user' }),
});
const sessionSchema = z.object({
  sessionId: z.string(),
  createdAtMs: z.int(),
  lastSeenAtMs: z.int(),
  expiresAtMs: z.int(),
  address: z.string(),
  userAgent: z.string(),
});

/** Users and their sessions. */
export function userRoutes(api: Api, parts: RouteParts): void {
  const { data, passwords } = parts;
  api.get('/users', {
    ...about(
      'users',
      'All users',
      { permission: 'users.list' },
      { response: { 200: z.object({ users: z.array(userSchema) }) } },
    ),
    handler: async () => ({ users: await data.users.list() }),
  });
  api.get('/users/:userId', {
    ...about(
      'users',
      'One user',
      { permission: 'users.read', owner: 'userId' },
      { params, response: { 200: userSchema } },
    ),
    handler: async (request) => knownUser({ stores: data }, request.params.userId),
  });
  api.post('/users', {
    ...about(
      'users',
      'Add a user, with a generated password that is to be changed at the first sign-in',
      { permission: 'users.write' },
      { body: newUserSchema, response: { 201: withPasswordSchema } },
    ),
    handler: async (request, reply) => {
      const given = await givePassword(passwords);
      const user = await makeChange(parts, actorFrom(request), (change) => addUser(change, request.body, given));
      return reply.code(201).send({ user, password: given.password });
    },
  });
  api.patch('/users/:userId', {
    ...about(
      'users',
      'Change a user; whose rights change is signed out',
      { permission: 'users.write' },
      { params, body: userChangeSchema, response: { 200: userSchema } },
    ),
    handler: async (request) => {
      const { userId } = request.params;
      const user = await makeChange(parts, actorFrom(request), (change) => changeUser(change, userId, request.body));
      // Who is disabled, or leaves the desk, has no phone any more.
      await parts.onPhonesRevoked?.();
      return user;
    },
  });
  api.post('/users/:userId/password', {
    ...about(
      'users',
      'Give a user a new generated password, to be changed at the next sign-in; every session ends',
      { permission: 'users.write' },
      { params, response: { 200: withPasswordSchema } },
    ),
    handler: async (request) => {
      const { userId } = request.params;
      await knownUser({ stores: data }, userId);
      const { password, hash } = await givePassword(passwords);
      const user = await makeChange(parts, actorFrom(request), async (change) => {
        await setPassword(change, userId, { hash, temporary: true });
        return knownUser(change, userId);
      });
      return { user, password };
    },
  });
  userSessionRoutes(api, parts);
}

function userSessionRoutes(api: Api, parts: RouteParts): void {
  api.get('/users/:userId/sessions', {
    ...about(
      'users',
      'Where a user is signed in',
      { permission: 'sessions.read', owner: 'userId' },
      { params, response: { 200: z.object({ sessions: z.array(sessionSchema) }) } },
    ),
    handler: async (request) => {
      const { userId } = await knownUser({ stores: parts.data }, request.params.userId);
      return { sessions: await parts.data.sessions.list(userId) };
    },
  });
  api.delete('/users/:userId/sessions', {
    ...about(
      'users',
      'Sign a user out everywhere',
      { permission: 'sessions.revoke', owner: 'userId' },
      { params, response: { 200: doneSchema } },
    ),
    handler: async (request) => {
      await makeChange(parts, actorFrom(request), (change) => revokeSessions(change, request.params.userId));
      return done;
    },
  });
  api.delete('/users/:userId/sessions/:sessionId', {
    ...about(
      'users',
      'Sign a user out at one browser',
      { permission: 'sessions.revoke', owner: 'userId' },
      { params: params.extend({ sessionId: idSchema }), response: { 200: doneSchema } },
    ),
    handler: async (request) => {
      const { userId, sessionId } = request.params;
      await makeChange(parts, actorFrom(request), (change) => revokeSessions(change, userId, sessionId));
      return done;
    },
  });
}
