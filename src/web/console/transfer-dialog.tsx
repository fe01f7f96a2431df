import { Combobox, Group, Kbd, Stack, Text, TextInput, useCombobox } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useEffectEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Colleague } from '../../desk/live-types.ts';
import { useDeskCard } from './account-card.tsx';
import { send } from './api.ts';
import type { TransferTo } from './call-orders.ts';
import { Dialog, useFocus } from './dialog.tsx';
import { WithReading } from './reading.tsx';
import { writtenNumber } from './time.ts';
import { findTargets, type TransferTarget } from './transfer-targets.ts';

interface Props {
  accountId: string;
  colleagues: readonly Colleague[];
  onChosen: (to: TransferTo) => void;
}

/** To whom? One field finds people of the account, agents and queues, and takes numbers. */
export function TransferDialog({ opened, onClose, ...props }: Props & { opened: boolean; onClose: () => void }) {
  const { t } = useTranslation();
  return (
    <Dialog opened={opened} onClose={onClose} title={t('transfer.title')} size="lg">
      <Choice {...props} onClose={onClose} />
    </Dialog>
  );
}

function useQueueNames() {
  return useQuery({
    queryKey: ['queues'],
    queryFn: () => send<{ queues: { queueId: string; name: string }[] }>('GET', '/queues'),
    staleTime: 60_000,
  });
}

function Choice({ accountId, colleagues, onChosen, onClose }: Props & { onClose: () => void }) {
  const { t } = useTranslation();
  const { data: card } = useDeskCard(accountId);
  const { data: { queues } = { queues: [] } } = useQueueNames();
  const [typed, setTyped] = useState('');
  const field = useFocus<HTMLInputElement>();
  const combobox = useCombobox({ opened: true, onDropdownClose: onClose });
  const targets = findTargets({ persons: card?.persons ?? [], colleagues, queues }, typed);
  const keys = targets.map(({ key }) => key).join();
  const selectFirst = useEffectEvent(() => combobox.selectFirstOption());
  useEffect(() => {
    if (keys !== '') selectFirst();
  }, [keys]);
  const kinds = [...new Set(targets.map(({ to }) => to.type))];
  return (
    <Combobox
      store={combobox}
      onOptionSubmit={(key) => {
        const chosen = targets.find((target) => target.key === key);
        if (chosen) onChosen(chosen.to);
      }}
    >
      <Stack gap="sm">
        <Combobox.EventsTarget>
          <TextInput
            aria-label={t('transfer.search')}
            placeholder={t('transfer.search')}
            size="md"
            ref={field}
            data-autofocus
            autoComplete="off"
            maxLength={100}
            value={typed}
            onChange={(event) => setTyped(event.currentTarget.value)}
          />
        </Combobox.EventsTarget>
        <Combobox.Options mah="50vh" style={{ overflowY: 'auto' }} aria-label={t('transfer.title')}>
          {targets.length === 0 && <Combobox.Empty>{t('transfer.none')}</Combobox.Empty>}
          {kinds.map((kind) => (
            <Combobox.Group key={kind} label={t(`transfer.kinds.${kind}`)}>
              {targets
                .filter(({ to }) => to.type === kind)
                .map((target) => (
                  <Target key={target.key} target={target} />
                ))}
            </Combobox.Group>
          ))}
        </Combobox.Options>
        <Text size="xs" c="dimmed">
          {t('transfer.hint')}
        </Text>
      </Stack>
    </Combobox>
  );
}

function Target({ target: { key, name, reading, detail, number, to } }: { target: TransferTarget }) {
  const { t } = useTranslation();
  const isNumber = to.type === 'number';
  return (
    <Combobox.Option value={key}>
      <Group justify="space-between" gap="sm" wrap="nowrap">
        <Group gap="sm" align="baseline">
          <Text fw={600} {...(isNumber ? { className: 'digits' } : {})}>
            {isNumber ? writtenNumber(name) : <WithReading name={name} reading={reading} />}
          </Text>
          <Text size="sm" opacity={0.75}>
            {isNumber ? t('transfer.number') : detail}
          </Text>
        </Group>
        <Group gap="xs" wrap="nowrap">
          <Text size="sm" className="digits">
            {number && writtenNumber(number)}
          </Text>
          <Kbd className="chosen-only">Enter</Kbd>
        </Group>
      </Group>
    </Combobox.Option>
  );
}
