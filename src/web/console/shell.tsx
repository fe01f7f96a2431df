import { Alert, Badge, Button, Group, Menu, Modal, SegmentedControl, Stack, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { AgentPage } from './agent-page.tsx';
import { ConfirmDialog } from './confirm-dialog.tsx';
import { KeyList } from './key-list.tsx';
import { useKeys } from './keys.ts';
import { type Me, useSignOut } from './me.ts';
import { OtherForms } from './other-forms.tsx';
import { OverviewPage } from './overview-page.tsx';
import { PasswordDialog } from './password-dialog.tsx';
import { Switches } from './switches.tsx';
import { KeepersProvider, useKeepers, useOwnKeepers } from './use-keepers.ts';
import { type Live, useLive } from './use-live.ts';

/** So long a sign-out waits for what has not been kept yet. */
const settleMs = 3_000;

/** What is on every page, and the page: an agent's own desk, or everybody's for those who look after it. */
export function Shell({ me }: { me: Me }) {
  const { role, userId } = me.user;
  const keepers = useOwnKeepers(userId);
  return (
    <KeepersProvider value={keepers}>
      {role === 'account' ? <Frame me={me} live={undefined} /> : <DeskShell me={me} />}
    </KeepersProvider>
  );
}

function DeskShell({ me }: { me: Me }) {
  return <Frame me={me} live={useLive()} />;
}

function Frame({ me, live }: { me: Me; live: Live | undefined }) {
  const { t } = useTranslation();
  const seesAll = me.user.role === 'supervisor' || me.user.role === 'operator';
  const [page, setPage] = useState(seesAll ? 'overview' : 'desk');
  const [keysShown, keys] = useDisclosure(false);
  useKeys({ F1: keys.toggle });
  return (
    <Stack gap={0} mih="100vh">
      <Group
        component="header"
        className="panel"
        px="md"
        py="xs"
        justify="space-between"
        style={{ borderWidth: '0 0 1px', borderRadius: 0 }}
      >
        <Group gap="md">
          <Group gap="xs">
            <img src="/icon.svg" width={28} height={28} alt="" />
            <Text fw={700} size="lg">
              {t('product')}
            </Text>
          </Group>
          {seesAll && live?.view?.me && (
            <SegmentedControl
              value={page}
              onChange={setPage}
              data={[
                { value: 'overview', label: t('shell.overview') },
                { value: 'desk', label: t('shell.myDesk') },
              ]}
            />
          )}
          <OtherForms />
          {live?.view && !live.isConnected && (
            <Badge color="red" size="lg" role="status">
              {t('shell.reconnecting')}
            </Badge>
          )}
        </Group>
        <Group gap="xs">
          <Button variant="subtle" color="gray" size="xs" onClick={keys.open}>
            {t('shell.shortcuts')} F1
          </Button>
          <Switches />
          <UserMenu me={me} />
        </Group>
      </Group>
      <main style={{ padding: 'var(--mantine-spacing-md)', flex: 1 }}>
        {!live ? (
          <Alert>{t('shell.noPages')}</Alert>
        ) : page === 'overview' ? (
          <OverviewPage live={live} mayListen={me.user.role === 'supervisor'} />
        ) : (
          <AgentPage live={live} agentId={me.user.userId} />
        )}
      </main>
      <Modal opened={keysShown} onClose={keys.close} title={t('shell.shortcuts')}>
        <KeyList />
      </Modal>
    </Stack>
  );
}

function UserMenu({ me }: { me: Me }) {
  const { t } = useTranslation();
  const keepers = useKeepers();
  const signOut = useSignOut();
  const [warningShown, warning] = useDisclosure(false);
  const leave = () => {
    keepers.forget();
    signOut.mutate();
  };
  const askToLeave = async () => {
    if (await keepers.settle(settleMs)) leave();
    else warning.open();
  };
  const [passwordShown, password] = useDisclosure(false);
  const { displayName, role, passwordTemporary } = me.user;
  return (
    <>
      <Menu position="bottom-end">
        <Menu.Target>
          <Button variant="default" size="sm">
            {displayName}
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Label>{t(`shell.role.${role}`)}</Menu.Label>
          <Menu.Item onClick={password.open}>{t('shell.changePassword')}</Menu.Item>
          <Menu.Item color="red" onClick={() => void askToLeave()}>
            {t('shell.signOut')}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {passwordTemporary && (
        <Button size="xs" color="yellow.5" title={t('shell.temporary')} onClick={password.open}>
          {t('shell.changePassword')}
        </Button>
      )}
      <PasswordDialog opened={passwordShown} onClose={password.close} />
      <ConfirmDialog
        opened={warningShown}
        onClose={warning.close}
        title={t('shell.unkept')}
        text={t('shell.unkeptText')}
        action={t('shell.signOut')}
        onConfirmed={leave}
      />
    </>
  );
}
