import {
  Badge,
  Button,
  Group,
  Loader,
  Menu,
  Modal,
  SegmentedControl,
  Stack,
  Text,
  VisuallyHidden,
} from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { lazy, Suspense, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { ConfirmDialog } from './confirm-dialog.tsx';
import { KeyList } from './key-list.tsx';
import { useKeys } from './keys.ts';
import { loadPage } from './load-page.ts';
import { type Me, useSignOut } from './me.ts';
import { MenuEntries } from './menu-entries.tsx';
import { OtherForms } from './other-forms.tsx';
import { PasswordDialog } from './password-dialog.tsx';
import { Switches } from './switches.tsx';
import { KeepersProvider, useKeepers, useOwnKeepers } from './use-keepers.ts';
import { type Live, useLive } from './use-live.ts';

// Each page comes when it is first shown.
const AgentPage = lazy(async () => ({ default: (await loadPage(() => import('./agent-page.tsx'))).AgentPage }));
const OverviewPage = lazy(async () => ({
  default: (await loadPage(() => import('./overview-page.tsx'))).OverviewPage,
}));
const MessagesPage = lazy(async () => ({
  default: (await loadPage(() => import('./messages-page.tsx'))).MessagesPage,
}));

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
  const mayHear = me.user.role !== 'agent';
  const pages = [
    ...(seesAll ? ['overview' as const] : []),
    ...(live && (!seesAll || live.view?.me) ? ['desk' as const] : []),
    ...(mayHear ? ['messages' as const] : []),
  ];
  const [chosen, setPage] = useState<string>(pages[0] ?? 'desk');
  const page = pages.find((one) => one === chosen) ?? pages[0];
  const labels = { overview: t('shell.overview'), desk: t('shell.myDesk'), messages: t('shell.messages') };
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
          {pages.length > 1 && page && (
            <SegmentedControl
              aria-label={t('shell.pages')}
              value={page}
              onChange={setPage}
              data={pages.map((value) => ({ value, label: labels[value] }))}
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
        {page && <VisuallyHidden component="h1">{labels[page]}</VisuallyHidden>}
        <Suspense fallback={<Loader />}>
          {page === 'messages' && <MessagesPage isOwn={!seesAll} />}
          {page === 'overview' && live && <OverviewPage live={live} mayListen={me.user.role === 'supervisor'} />}
          {page === 'desk' && live && <AgentPage live={live} agentId={me.user.userId} />}
        </Suspense>
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
  const { displayName, role, loginName } = me.user;
  return (
    <>
      <Menu position="bottom-end">
        <Menu.Target>
          <Button variant="default" size="sm">
            {displayName}
          </Button>
        </Menu.Target>
        <MenuEntries>
          <Menu.Label>{t(`shell.role.${role}`)}</Menu.Label>
          <Menu.Item onClick={password.open}>{t('shell.changePassword')}</Menu.Item>
          <Menu.Item onClick={() => void askToLeave()}>{t('shell.signOut')}</Menu.Item>
        </MenuEntries>
      </Menu>
      <PasswordDialog loginName={loginName} opened={passwordShown} onClose={password.close} />
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
