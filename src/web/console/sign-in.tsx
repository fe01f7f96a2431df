import { Alert, Button, PasswordInput, Stack, Text, TextInput, Title } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useTranslation } from 'react-i18next';
import { EntryFrame } from './entry-frame.tsx';
import { useFailureText } from './failure-text.ts';
import { useSignIn } from './me.ts';
import { useTitle } from './use-title.ts';

/** The way in. */
export function SignInPage() {
  const { t } = useTranslation();
  const failureText = useFailureText();
  const signIn = useSignIn();
  useTitle(t('signIn.title'));
  const required = (value: string) => (value === '' ? t('signIn.required') : null);
  const form = useForm({
    initialValues: { loginName: '', password: '' },
    validate: { loginName: required, password: required },
  });
  return (
    <EntryFrame>
      <form onSubmit={form.onSubmit((given) => signIn.mutate(given))}>
        <Stack>
          <div>
            <Title order={2} size="h3">
              {t('signIn.title')}
            </Title>
            <Text c="dimmed" size="sm">
              {t('productLine')}
            </Text>
          </div>
          {signIn.isError && (
            <Alert color="red" role="alert">
              {failureText(signIn.error)}
            </Alert>
          )}
          <TextInput
            label={t('signIn.loginName')}
            autoComplete="username"
            autoCapitalize="none"
            spellCheck={false}
            data-autofocus
            autoFocus
            size="md"
            {...form.getInputProps('loginName')}
          />
          <PasswordInput
            label={t('signIn.password')}
            autoComplete="current-password"
            size="md"
            {...form.getInputProps('password')}
          />
          <Button type="submit" size="md" loading={signIn.isPending}>
            {t('signIn.submit')}
          </Button>
        </Stack>
      </form>
    </EntryFrame>
  );
}
