import { Button, Menu } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { notifications } from '@mantine/notifications';
import { type ReactNode, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import type { LiveCall, LiveQueue } from '../../desk/live-types.ts';
import { ConfirmDialog } from './confirm-dialog.tsx';
import { MenuEntries } from './menu-entries.tsx';
import { writtenNumber } from './time.ts';
import { useCallOrders } from './use-call-orders.ts';

/** What a supervisor can do with one who waits. */
export function WaitingMenu({ call, queues }: { call: LiveCall; queues: readonly LiveQueue[] }) {
  const { t } = useTranslation();
  const { isBusy, give } = useCallOrders(call.callId);
  const others = queues.filter(({ queueId }) => queueId !== call.queueId);
  return (
    <CallMenu call={call} isBusy={isBusy} onEnd={() => give({ type: 'end' })}>
      <Menu.Item onClick={() => give({ type: 'move', queueId: call.queueId, first: true })}>
        {t('overview.toHead')}
      </Menu.Item>
      {others.length > 0 && <Menu.Label>{t('overview.toQueue')}</Menu.Label>}
      {others.map(({ queueId, name }) => (
        <Menu.Item key={queueId} onClick={() => give({ type: 'move', queueId })}>
          {name}
        </Menu.Item>
      ))}
      <Menu.Divider />
    </CallMenu>
  );
}

/**
 * What a supervisor can do with a call that has an agent. `listenerId`: the user as an agent, whose phone rings;
 * `mayListen`: operators may not.
 */
export function TalkMenu(props: { call: LiveCall; listenerId: string | undefined; mayListen: boolean }) {
  const { t } = useTranslation();
  const { call, listenerId, mayListen } = props;
  const { isBusy, give } = useCallOrders(call.callId);
  const ownMode = call.listeners?.find(({ agentId }) => agentId === listenerId)?.mode;
  const cannot = listenerId === undefined || call.state !== 'talking' || call.agentId === listenerId;
  const listen = (mode: 'listen' | 'whisper' | 'join') =>
    give({ type: 'listen', mode }, () => {
      if (!ownMode) notifications.show({ message: t('overview.phoneRings') });
    });
  return (
    <CallMenu call={call} isBusy={isBusy} onEnd={() => give({ type: 'end' })}>
      {mayListen && listenerId === undefined && <Menu.Label>{t('overview.noAgent')}</Menu.Label>}
      {mayListen &&
        (['listen', 'whisper', 'join'] as const).map((mode) => (
          <Menu.RadioItem
            key={mode}
            value={mode}
            checked={mode === ownMode}
            disabled={cannot}
            closeMenuOnClick
            onChange={() => listen(mode)}
          >
            {t(`overview.${mode}`)}
          </Menu.RadioItem>
        ))}
      {ownMode && <Menu.Item onClick={() => give({ type: 'stop-listening' })}>{t('overview.stopListening')}</Menu.Item>}
      {mayListen && <Menu.Divider />}
    </CallMenu>
  );
}

function CallMenu(props: { call: LiveCall; isBusy: boolean; onEnd: () => void; children: ReactNode }) {
  const { t } = useTranslation();
  const { call, isBusy, onEnd, children } = props;
  const [endShown, end] = useDisclosure(false);
  const button = useRef<HTMLButtonElement>(null);
  const caller = call.callerNumber === undefined ? t('ring.withheld') : writtenNumber(call.callerNumber);
  return (
    <>
      <Menu position="bottom-end">
        <Menu.Target>
          <Button
            ref={button}
            size="compact-sm"
            variant="default"
            loading={isBusy}
            aria-label={`${t('overview.actions')}: ${call.account.name} ${caller}`}
          >
            {t('overview.actions')}
          </Button>
        </Menu.Target>
        <MenuEntries mah="60vh" style={{ overflowY: 'auto' }}>
          {children}
          <Menu.Item c="red" onClick={end.open}>
            {t('overview.end')}…
          </Menu.Item>
        </MenuEntries>
      </Menu>
      <ConfirmDialog
        opened={endShown}
        onClose={() => {
          end.close();
          button.current?.focus();
        }}
        title={t('overview.endTitle')}
        text={t('overview.endText', { account: call.account.name, caller })}
        action={t('overview.end')}
        onConfirmed={onEnd}
      />
    </>
  );
}
