import { Badge, Button, Group, Kbd } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { Colleague, LiveCall } from '../../desk/live-types.ts';
import { Announced, Fact } from './call-banner.tsx';
import { ConfirmDialog } from './confirm-dialog.tsx';
import { useKeys } from './keys.ts';
import { duration, useSince, writtenNumber } from './time.ts';
import { TransferDialog } from './transfer-dialog.tsx';
import { useCallOrders } from './use-call-orders.ts';
import { useTransferName } from './use-transfer-name.ts';

/** The call that the agent has: with whom, and what can be done with it. */
export function CallBar(props: { call: LiveCall; colleagues: readonly Colleague[]; queueName: string }) {
  const { t } = useTranslation();
  const { call, colleagues, queueName } = props;
  return (
    <Group justify="space-between" gap="xs" component="section" aria-label={t('call.title')} data-testid="call">
      <Group gap="lg">
        <Announced call={call} size="small" />
        <Fact label={t('ring.from')}>
          {call.callerNumber === undefined ? t('ring.withheld') : writtenNumber(call.callerNumber)}
        </Fact>
        <Fact label={t('ring.queue')}>{queueName}</Fact>
        {call.isCallBack && (
          <Badge color="grape" className="whole">
            {t('ring.callBack')}
          </Badge>
        )}
      </Group>
      <Controls call={call} colleagues={colleagues} />
    </Group>
  );
}

/** What the agent must not forget: the caller hears music, somebody else rings, what is said is kept. */
export function CallMarks({ call, nowMs }: { call: LiveCall; nowMs: number }) {
  const { t } = useTranslation();
  const nameOf = useTransferName(call.account.accountId);
  // Who has taken the caller back knows it.
  const failure = call.transferFailed === 'cancelled' ? undefined : call.transferFailed;
  const heldForMs = nowMs - (call.heldSinceMs ?? nowMs);
  const ringsForMs = useSince(call.transfer !== undefined, nowMs);
  const mark = (color: string, text: string, variant: 'filled' | 'light' = 'filled') => (
    <Badge size="lg" color={color} variant={variant} tt="none" radius="sm" className="digits whole">
      {text}
    </Badge>
  );
  return (
    <Group gap="xs" role="status">
      {call.transfer &&
        mark('orange.5', `${t('call.ringing', { to: nameOf(call.transfer.to) })} ${duration(ringsForMs)}`)}
      {failure && !call.transfer && mark('red', t(`call.transferFailed.${failure}`))}
      {call.held && !call.transfer && mark('yellow.5', `${t('call.held')} ${duration(heldForMs)}`)}
      {call.recording === 'on' && mark('red', `● ${t('call.recordingOn')}`, 'light')}
      {call.recording === 'paused' && mark('gray', `❚❚ ${t('call.recordingPaused')}`, 'light')}
    </Group>
  );
}

function Controls({ call, colleagues }: { call: LiveCall; colleagues: readonly Colleague[] }) {
  const { t } = useTranslation();
  const { isBusy, give } = useCallOrders(call.callId);
  const [transferShown, transfer] = useDisclosure(false);
  const [hangUpShown, hangUp] = useDisclosure(false);
  const isHeld = call.held === true;
  const isTransferring = call.transfer !== undefined;
  const hold = isTransferring ? undefined : () => give({ type: 'hold', held: !isHeld });
  const onTransfer = isTransferring ? () => give({ type: 'cancel-transfer' }) : transfer.toggle;
  const isPaused = call.recording === 'paused';
  const record = call.recording && (() => give({ type: 'recording', paused: !isPaused }));
  useKeys({ F9: hold, F10: onTransfer, 'Ctrl+F9': record, 'Ctrl+F10': hangUp.open });
  return (
    <Group gap={6} ml="auto">
      <Control label={isHeld ? t('call.resume') : t('call.hold')} keyName="F9" onClick={hold} isLit={isHeld} />
      <Control
        label={isTransferring ? t('call.takeBack') : t('call.transfer')}
        keyName="F10"
        onClick={onTransfer}
        isLit={isTransferring}
      />
      {record && (
        <Control
          label={isPaused ? t('call.resumeRecording') : t('call.pauseRecording')}
          keyName="Ctrl+F9"
          onClick={record}
          isLit={isPaused}
        />
      )}
      <Control label={t('call.hangUp')} keyName="Ctrl+F10" onClick={hangUp.open} color="red" />
      <TransferDialog
        opened={transferShown && !isTransferring}
        onClose={transfer.close}
        accountId={call.account.accountId}
        colleagues={colleagues}
        onChosen={(to) => {
          if (!isBusy) give({ type: 'transfer', to }, transfer.close);
        }}
      />
      <ConfirmDialog
        opened={hangUpShown}
        onClose={hangUp.close}
        title={t('call.hangUpTitle')}
        text={t('call.hangUpText')}
        action={t('call.hangUp')}
        onConfirmed={() => give({ type: 'end' })}
      />
    </Group>
  );
}

function Control(props: {
  label: ReactNode;
  keyName: string;
  onClick: (() => void) | undefined;
  isLit?: boolean;
  color?: string;
}) {
  const { label, keyName, onClick, isLit = false, color } = props;
  return (
    <Button
      size="sm"
      px="sm"
      variant={isLit ? 'filled' : color ? 'outline' : 'default'}
      {...(color ? { color } : {})}
      disabled={!onClick}
      onClick={onClick}
      rightSection={<Kbd>{keyName}</Kbd>}
    >
      {label}
    </Button>
  );
}
