import { Alert, Button, Center, Group, Paper, PasswordInput, Stack, Text, TextInput, Title } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useTranslation } from 'react-i18next';
import { useFailureText } from './failure-text.ts';
import { useSignIn } from './me.ts';
import { Switches } from './switches.tsx';
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
    <Center component="main" mih="100vh" p="md">
      <Stack w="100%" maw={380} gap="lg">
        <Group justify="space-between" align="end">
          <div>
            <Title order={1} size="h2">
              <Group gap="sm" component="span">
                <img src="/icon.svg" width={36} height={36} alt="" />
                {t('product')}
              </Group>
            </Title>
          </div>
          <Switches />
        </Group>
        <Paper className="panel" p="xl">
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
        </Paper>
      </Stack>
    </Center>
  );
}
