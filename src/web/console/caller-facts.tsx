import { Grid, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { Part } from './account-card.tsx';
import { currentLanguage } from './i18n.ts';
import type { IntakeView } from './intake-types.ts';

/** What is known of the caller before anything is said: what the flow has learned, and the calls before this one. */
export function CallerFacts({ intake }: { intake: IntakeView }) {
  const { t } = useTranslation();
  const { earlierCalls, learned } = intake;
  const dates = new Intl.DateTimeFormat(currentLanguage(), { dateStyle: 'medium', timeStyle: 'short' });
  const facts = Object.entries(learned);
  return (
    <Grid
      gap="md"
      className="panel"
      p="md"
      component="section"
      aria-label={t('card.caller')}
      data-testid="caller"
      style={{ '--grid-overflow': 'hidden' }}
    >
      {facts.length > 0 && (
        <Grid.Col span={{ base: 12, md: 5 }}>
          <Part title={t('card.learned')}>
            {facts.map(([name, value]) => (
              <Text key={name} size="sm" className="pre">
                {name}: {typeof value === 'string' ? value : JSON.stringify(value)}
              </Text>
            ))}
          </Part>
        </Grid.Col>
      )}
      <Grid.Col span={{ base: 12, md: facts.length > 0 ? 7 : 12 }}>
        <Part title={t('card.earlier')}>
          {earlierCalls.length === 0 && <Text c="dimmed">{t('card.firstTime')}</Text>}
          {earlierCalls.map((call) => (
            <Text key={call.intakeId} size="sm" className="pre" lineClamp={3}>
              <Text span size="xs" c="dimmed">
                {dates.format(call.atMs)} {call.outcome ? t(`form.outcomes.${call.outcome}`) : ''}{' '}
              </Text>
              {[call.company, call.callerName].filter(Boolean).join(' ')} {call.business}
            </Text>
          ))}
        </Part>
      </Grid.Col>
    </Grid>
  );
}
