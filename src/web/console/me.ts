import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { Role } from '../../accounts/users.ts';
import { ApiFailure, send } from './api.ts';

export interface Me {
  user: { userId: string; loginName: string; displayName: string; role: Role; passwordTemporary: boolean };
}

const key = ['me'];

/** Who is signed in; null = nobody. */
export function useMe() {
  return useQuery({
    queryKey: key,
    queryFn: async () => {
      try {
        return await send<Me>('GET', '/me');
      } catch (error) {
        if (error instanceof ApiFailure && error.status === 401) return null;
        throw error;
      }
    },
    staleTime: Number.POSITIVE_INFINITY,
    retry: true,
    retryDelay: 2_000,
  });
}

export function useSignIn() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (given: { loginName: string; password: string }) => send<Me>('POST', '/login', given),
    onSuccess: (me) => client.setQueryData(key, me),
  });
}

export function useSignOut() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => send('POST', '/logout'),
    // Nothing of one user is left for the next.
    onSettled: () => forgetUser(client),
  });
}

export function useChangePassword() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (given: { oldPassword: string; newPassword: string }) => send<Me>('PUT', '/me/password', given),
    onSuccess: (me) => client.setQueryData(key, me),
  });
}

/** The session has ended. */
export function forgetUser(client: ReturnType<typeof useQueryClient>): void {
  client.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== 'me' });
  client.setQueryData(key, null);
}
