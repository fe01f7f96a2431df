import { Button, Center, Group, Paper, Stack, Text, Title } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { type Me, useSignOut, useTypedPassword } from './me.ts';
import { PasswordForm } from './password-form.tsx';
import { Switches } from './switches.tsx';
import { useTitle } from './use-title.ts';

/** All that there is for whoever signed in with a temporary password: to choose one's own. */
export function FirstPasswordPage({ me }: { me: Me }) {
  const { t } = useTranslation();
  const signOut = useSignOut();
  const typed = useTypedPassword();
  useTitle(t('password.first'));
  return (
    <Center component="main" mih="100vh" p="md">
      <Stack w="100%" maw={440} gap="lg">
        <Group justify="space-between" align="end">
          <Group gap="sm" wrap="nowrap">
            <img src="/icon.svg" width={36} height={36} alt="" />
            <Text fw={700} size="xl">
              {t('product')}
            </Text>
          </Group>
          <Switches />
        </Group>
        <Paper className="panel" p="xl">
          <Stack>
            <div>
              <Title order={1} size="h3">
                {t('password.first')}
              </Title>
              <Text size="sm" mt="xs">
                {t('password.firstText', { name: me.user.displayName })}
              </Text>
            </div>
            <PasswordForm loginName={me.user.loginName} old={typed} />
            <Button variant="subtle" color="gray" size="xs" onClick={() => signOut.mutate()}>
              {t('shell.signOut')}
            </Button>
          </Stack>
        </Paper>
      </Stack>
    </Center>
  );
}
