import { Alert, Button, Group, Popover, Stack, Text, Textarea } from '@mantine/core';
import { useSyncExternalStore } from 'react';
import { useTranslation } from 'react-i18next';
import type { IntakeKeeper, Refusal } from './intake-keeper.ts';
import type { IntakeForm } from './intake-types.ts';
import { KeepMark } from './keep-mark.tsx';
import { writtenNumber } from './time.ts';
import { useKeepers } from './use-keepers.ts';

/**
 * Forms of earlier calls that are not done, or of which the agent has to know: in the head of every page, so that
 * nothing moves under the hands of who types.
 */
export function OtherForms() {
  const { t } = useTranslation();
  const keepers = useKeepers();
  const others = useSyncExternalStore(keepers.subscribe, () => keepers.others);
  const [first, ...more] = others;
  if (!first) return null;
  return (
    <section aria-label={t('form.others')}>
      <Popover position="bottom-start" width={560} shadow="md" trapFocus>
        <Popover.Target>
          <Button variant="default" size="sm" px="xs" color="red">
            <Group gap="xs" wrap="nowrap">
              <Text size="sm" fw={600} truncate maw={200}>
                {titleOf(first)}
              </Text>
              <KeepMark state={first.state.state} isRefused={isRefused(first)} />
              {more.length > 0 && <Text size="sm">+{more.length}</Text>}
            </Group>
          </Button>
        </Popover.Target>
        <Popover.Dropdown>
          <Stack>
            <Text size="sm" fw={700} className="title" component="h2">
              {t('form.others')}
            </Text>
            {others.map((keeper) => (
              <OtherForm key={keeper.intakeId} keeper={keeper} />
            ))}
          </Stack>
        </Popover.Dropdown>
      </Popover>
    </section>
  );
}

function titleOf({ accountName, state }: IntakeKeeper): string {
  const { company, callerName, phoneNumber } = state.form;
  const caller = [company, callerName].filter(Boolean).join(' ') || writtenNumber(phoneNumber);
  return `${accountName} ${caller}`;
}

function isRefused({ state: { fault, refusal } }: IntakeKeeper): boolean {
  return fault !== undefined || refusal !== undefined;
}

function OtherForm({ keeper }: { keeper: IntakeKeeper }) {
  const { t } = useTranslation();
  const { state, fault, refusal, lost } = keeper.state;
  return (
    <Stack gap={4}>
      <Group gap="sm">
        <Text fw={600}>{titleOf(keeper)}</Text>
        <KeepMark state={state} isRefused={isRefused(keeper)} />
        {!keeper.isUnsafe && (
          <Button size="compact-sm" variant="default" onClick={() => keeper.dismiss()}>
            {t('form.seen')}
          </Button>
        )}
      </Group>
      {state === 'report-failed' && <Text size="sm">{t('form.reportLater')}</Text>}
      {fault !== undefined && <Text size="sm">{t('form.unfitLater')}</Text>}
      {refusal !== undefined && <Refused refusal={refusal} />}
      {lost && <Lost lost={lost} />}
    </Stack>
  );
}

/** That the report was not made, why, and what to do. */
export function Refused({ refusal }: { refusal: Refusal }) {
  const { t } = useTranslation();
  return (
    <Alert color="red" title={t('form.notReported')} role="alert">
      {t(`form.refusals.${refusal}`)}
    </Alert>
  );
}

/** Words that could not be kept, to be copied. */
export function Lost({ lost, onSeen }: { lost: Partial<IntakeForm>; onSeen?: () => void }) {
  const { t } = useTranslation();
  const lines = (Object.keys(lost) as (keyof IntakeForm)[]).map(
    (field) => `${labelOf(t, field)}: ${wordsOf(t, lost, field)}`,
  );
  return (
    <Alert color="orange" title={t('form.lost')} role="alert">
      <Text size="sm" mb={4}>
        {t('form.lostText')}
      </Text>
      <Textarea
        aria-label={t('form.lost')}
        value={lines.join('\n')}
        readOnly
        autosize
        maxRows={10}
        onFocus={(event) => event.currentTarget.select()}
      />
      {onSeen && (
        <Button size="compact-sm" variant="default" mt="xs" onClick={onSeen}>
          {t('form.seen')}
        </Button>
      )}
    </Alert>
  );
}

type Words = ReturnType<typeof useTranslation>['t'];

function labelOf(t: Words, field: keyof IntakeForm): string {
  return field === 'directTransferRequests' ? t('form.directRequests') : t(`form.${field}`);
}

function wordsOf(t: Words, lost: Partial<IntakeForm>, field: keyof IntakeForm): string {
  const { outcome, urgency, callBack } = lost;
  if (field === 'outcome') return outcome ? t(`form.outcomes.${outcome}`) : '–';
  if (field === 'urgency' && urgency) return t(`form.urgencies.${urgency}`);
  if (field === 'callBack') return callBack === 'wanted' ? t('form.callBackWanted') : t('form.callBackNone');
  return String(lost[field] ?? '');
}
