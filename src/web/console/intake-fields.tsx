import {
  Alert,
  Autocomplete,
  Button,
  Chip,
  Grid,
  Group,
  Input,
  Kbd,
  SegmentedControl,
  Stack,
  Text,
  Textarea,
  TextInput,
  Title,
} from '@mantine/core';
import { useEffect, useEffectEvent, useId } from 'react';
import { useTranslation } from 'react-i18next';
import type { IntakeKeeper } from './intake-keeper.ts';
import { type IntakeForm, type IntakeView, outcomes } from './intake-types.ts';
import { KeepMark } from './keep-mark.tsx';
import { useKeys } from './keys.ts';
import { Lost, Refused } from './other-forms.tsx';
import { ReadBack } from './read-back.tsx';
import { ReportSentAlert } from './report-sent.tsx';
import { timeOfDay, writtenNumber } from './time.ts';
import { useKeeper } from './use-intake.ts';

type TextField = 'callerName' | 'callerNameKana' | 'company' | 'phoneNumber' | 'callBackWhen';

/**
 * The form of a call. Everything typed is kept at once; Ctrl+Enter reports it. `isHandedOn`: another agent has the caller,
 * and the form with them.
 */
export function IntakeFields(props: { intake: IntakeView; isHandedOn: boolean; onReported: () => void }) {
  const { intake, isHandedOn, onReported } = props;
  const { t } = useTranslation();
  const keeper = useKeeper(intake);
  const { form, state, refusal, lost } = keeper.state;
  const tell = useEffectEvent(onReported);
  useEffect(() => {
    if (state === 'reported') tell();
  }, [state]);
  const isOver = state === 'reported' || state === 'closed' || isHandedOn;
  const addRequest = () =>
    keeper.type({ directTransferRequests: Math.min(99, keeper.state.form.directTransferRequests + 1) });
  const report = () => void keeper.report();
  useKeys(isOver ? {} : { 'Ctrl+Enter': report, F6: addRequest });
  return (
    <Stack className="panel" p="md" gap="sm" component="section" aria-label={t('form.title')} data-testid="intake">
      <Group justify="space-between">
        <Title order={2} size="h4">
          {t('form.title')}
        </Title>
        {!(isHandedOn && state !== 'reported') && <KeepMark state={state} />}
      </Group>
      <Hints keeper={keeper} />
      {isHandedOn && state !== 'reported' && (
        <Alert color="blue" role="status">
          {t('form.handedOn')}
        </Alert>
      )}
      {!isOver && intake.reportedAtMs !== undefined && (
        <Alert color="blue" role="status">
          {t('form.reportedBefore', { at: timeOfDay(intake.reportedAtMs) })}
        </Alert>
      )}
      {state === 'closed' && !isHandedOn && <Alert color="red">{t('form.closed')}</Alert>}
      {refusal !== undefined && <Refused refusal={refusal} />}
      {lost && <Lost lost={lost} onSeen={() => keeper.dismiss()} />}
      {state === 'report-failed' && (
        <Alert color="red" role="status">
          {t('form.reportLater')}
        </Alert>
      )}
      <fieldset
        disabled={isOver || state === 'report-failed'}
        style={{ border: 0, margin: 0, padding: 0, minWidth: 0 }}
      >
        <Fields intake={intake} keeper={keeper} />
      </fieldset>
      {state === 'reported' && <ReportSentAlert intakeId={intake.intakeId} />}
      {!isOver && (
        <Group justify="space-between" className="to-do">
          <Button variant="light" color="gray" onClick={addRequest} rightSection={<Kbd>F6</Kbd>}>
            {t('form.directRequests')}: {form.directTransferRequests}
          </Button>
          <Group gap="xs">
            {state === 'report-failed' && (
              <Button variant="default" onClick={() => keeper.takeBack()}>
                {t('form.takeBack')}
              </Button>
            )}
            <Button
              onClick={report}
              loading={state === 'reporting' || state === 'report-failed'}
              rightSection={<Kbd>Ctrl+Enter</Kbd>}
            >
              {t('form.finish')}
            </Button>
          </Group>
        </Group>
      )}
      <ReadBack intakeId={intake.intakeId} version={keeper.state.version} />
    </Stack>
  );
}

function Fields({ intake, keeper }: { intake: IntakeView; keeper: IntakeKeeper }) {
  const { t } = useTranslation();
  const { form } = keeper.state;
  const text = (field: TextField, label: string, more: object = {}) => (
    <TextInput
      label={label}
      value={form[field].startsWith('+81') ? writtenNumber(form[field]) : form[field]}
      maxLength={field === 'phoneNumber' ? 40 : 200}
      error={faultOf(keeper, field) && t('form.faults.phoneNumber')}
      onChange={(event) => keeper.type({ [field]: event.currentTarget.value })}
      autoComplete="off"
      {...more}
    />
  );
  const { name: lastName } = intake.caller;
  return (
    <Grid gap="sm">
      <Grid.Col span={{ base: 12, xs: 6, md: 4 }}>
        {text('callerName', t('form.callerName'), { autoFocus: true, ...(lastName ? { placeholder: lastName } : {}) })}
      </Grid.Col>
      <Grid.Col span={{ base: 12, xs: 6, md: 4 }}>{text('callerNameKana', t('form.callerNameKana'))}</Grid.Col>
      <Grid.Col span={{ base: 12, xs: 6, md: 4 }}>{text('company', t('form.company'))}</Grid.Col>
      <Grid.Col span={{ base: 12, xs: 6, md: 4 }}>
        {text('phoneNumber', t('form.phoneNumber'), { inputMode: 'tel', className: 'digits' })}
      </Grid.Col>
      <Grid.Col span={{ base: 12, xs: 6, md: 4 }}>
        <ForWhom intake={intake} keeper={keeper} />
      </Grid.Col>
      <Grid.Col span={{ base: 12, xs: 6, md: 4 }}>
        <Choice
          label={t('form.urgency')}
          value={form.urgency}
          onChange={(urgency) => keeper.type({ urgency })}
          choices={[
            { value: 'normal', label: t('form.urgencies.normal') },
            { value: 'urgent', label: t('form.urgencies.urgent') },
          ]}
          color={form.urgency === 'urgent' ? 'red' : undefined}
        />
      </Grid.Col>
      <Grid.Col span={12}>
        <Textarea
          label={t('form.business')}
          autosize
          minRows={3}
          maxRows={10}
          maxLength={4_000}
          value={form.business}
          error={faultOf(keeper, 'business') && t('form.faults.business')}
          onChange={(event) => keeper.type({ business: event.currentTarget.value })}
        />
      </Grid.Col>
      <Grid.Col span={{ base: 12, xs: 6, md: 4 }}>
        <Choice
          label={t('form.callBack')}
          value={form.callBack}
          onChange={(callBack) => keeper.type({ callBack })}
          choices={[
            { value: 'none', label: t('form.callBackNone') },
            { value: 'wanted', label: t('form.callBackWanted') },
          ]}
        />
      </Grid.Col>
      <Grid.Col span={{ base: 12, xs: 6, md: 8 }}>
        {text('callBackWhen', t('form.callBackWhen'), { disabled: form.callBack === 'none' })}
      </Grid.Col>
      <Grid.Col span={12}>
        <OutcomeChoice keeper={keeper} />
      </Grid.Col>
    </Grid>
  );
}

/** Whoever is on the card, or any name. */
function ForWhom({ intake, keeper }: { intake: IntakeView; keeper: IntakeKeeper }) {
  const { t } = useTranslation();
  const persons = intake.card?.persons ?? [];
  const { forWhom } = keeper.state.form;
  const shown = persons.find(({ personId }) => personId === forWhom)?.name ?? forWhom;
  return (
    <Autocomplete
      label={t('form.forWhom')}
      data={[...new Set(persons.map(({ name }) => name))]}
      value={shown}
      maxLength={200}
      onChange={(typed) => keeper.type({ forWhom: persons.find(({ name }) => name === typed)?.personId ?? typed })}
    />
  );
}

/** Radio buttons in a row: one stop of the Tab key, arrows choose. */
function Choice<Value extends string>(props: {
  label: string;
  value: Value;
  onChange: (value: Value) => void;
  choices: { value: Value; label: string }[];
  color?: string | undefined;
}) {
  const { label, value, onChange, choices, color } = props;
  return (
    <Input.Wrapper label={label} labelElement="div">
      <SegmentedControl
        fullWidth
        aria-label={label}
        value={value}
        onChange={onChange}
        data={choices}
        {...(color === undefined ? {} : { color })}
      />
    </Input.Wrapper>
  );
}

function OutcomeChoice({ keeper }: { keeper: IntakeKeeper }) {
  const { t } = useTranslation();
  const id = useId();
  const { outcome } = keeper.state.form;
  const hasFault = faultOf(keeper, 'outcome');
  return (
    <div>
      <Text size="sm" fw={600} id={id} mb={4}>
        {t('form.outcome')}
      </Text>
      <Chip.Group
        value={outcome}
        onChange={(chosen) => keeper.type({ outcome: outcomes.find((one) => one === chosen) ?? null })}
      >
        <Group gap={6} role="radiogroup" aria-labelledby={id}>
          {outcomes.map((one) => (
            <Chip
              key={one}
              value={one}
              size="xs"
              radius="sm"
              variant="filled"
              color={one === 'complaint' ? 'red' : 'cyan'}
            >
              {t(`form.outcomes.${one}`)}
            </Chip>
          ))}
        </Group>
      </Chip.Group>
      {hasFault && (
        <Text size="sm" c="red" role="alert" mt={4}>
          {t('form.faults.outcome')}
        </Text>
      )}
    </div>
  );
}

function faultOf(keeper: IntakeKeeper, field: keyof IntakeForm): boolean {
  return keeper.state.fault === field;
}

/** What the agent must know now; the emergency number only when it may be told. */
function Hints({ keeper }: { keeper: IntakeKeeper }) {
  const { t } = useTranslation();
  const { directTransferRequests, complaints, emergencyNumber, warnings } = keeper.state.hints;
  const lines = [
    ...warnings.map((warning) => t(`hint.${warning}`)),
    ...(directTransferRequests > 0 ? [t('hint.requests', { count: directTransferRequests })] : []),
    ...(complaints > 0 ? [t('hint.complaints', { count: complaints })] : []),
  ];
  return (
    <>
      {emergencyNumber !== undefined && (
        <Alert color="red" variant="filled" p="xs" data-testid="emergency">
          <Group justify="space-between">
            <Text fw={700}>{t('card.emergency')}</Text>
            <Text size="xl" fw={700} className="digits">
              {writtenNumber(emergencyNumber)}
            </Text>
          </Group>
        </Alert>
      )}
      {lines.length > 0 && (
        <Alert color="yellow" role="status" p="xs">
          {lines.map((line) => (
            <Text key={line} size="sm">
              {line}
            </Text>
          ))}
        </Alert>
      )}
    </>
  );
}
