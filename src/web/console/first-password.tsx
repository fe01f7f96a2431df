import { Button, Stack, Text, Title } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { EntryFrame } from './entry-frame.tsx';
import { type Me, useSignOut, useTypedPassword } from './me.ts';
import { PasswordForm } from './password-form.tsx';
import { useTitle } from './use-title.ts';

/** All that there is for whoever signed in with a temporary password: to choose one's own. */
export function FirstPasswordPage({ me }: { me: Me }) {
  const { t } = useTranslation();
  const signOut = useSignOut();
  const typed = useTypedPassword();
  useTitle(t('password.first'));
  return (
    <EntryFrame>
      <Stack>
        <div>
          <Title order={2} size="h3">
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
    </EntryFrame>
  );
}
