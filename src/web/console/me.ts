import { notifications } from '@mantine/notifications';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import type { Role } from '../../accounts/users.ts';
import { ApiFailure, send } from './api.ts';

export interface Me {
  user: { userId: string; loginName: string; displayName: string; role: Role; passwordTemporary: boolean };
}

const key = ['me'];
/** In memory alone. */
const typedKey = ['typed-password'];

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
    onSuccess: (me, { password }) => {
      // Nobody types a password twice to change it.
      if (me.user.passwordTemporary) client.setQueryData(typedKey, password);
      client.setQueryData(key, me);
    },
  });
}

/** The temporary password that was typed to sign in, until it is changed or the page is loaded again. */
export function useTypedPassword(): string | undefined {
  return useQueryClient().getQueryData<string>(typedKey);
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
  const { t } = useTranslation();
  const client = useQueryClient();
  return useMutation({
    mutationFn: (given: { oldPassword: string; newPassword: string }) => send<Me>('PUT', '/me/password', given),
    onSuccess: (me) => {
      client.removeQueries({ queryKey: typedKey });
      client.setQueryData(key, me);
      notifications.show({ message: t('password.done') });
    },
  });
}

/** The session has ended. */
export function forgetUser(client: ReturnType<typeof useQueryClient>): void {
  client.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== 'me' });
  client.setQueryData(key, null);
}
