import { Badge, Group, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { DeskCard } from '../../accounts/cards.ts';
import { find } from './api.ts';
import { currentLanguage } from './i18n.ts';
import { OpeningHours } from './opening-hours.tsx';
import { WithReading } from './reading.tsx';
import { writtenNumber } from './time.ts';

/** What agents see of an account; null where there is none. */
export function useDeskCard(accountId: string) {
  return useQuery({
    queryKey: ['card', accountId],
    queryFn: async () => (await find<DeskCard>(`/accounts/${accountId}/desk-card`)) ?? null,
    staleTime: 30_000,
  });
}

/** The account: what to say, what may be answered, who may be put through. */
export function AccountCard(props: { card: DeskCard | undefined; nowMs: number }) {
  const { card, nowMs } = props;
  const { t } = useTranslation();
  return (
    <Stack className="panel" p="md" gap="md" component="section" aria-label={t('card.announce')} data-testid="card">
      {card ? <CardFacts card={card} nowMs={nowMs} /> : <Text c="dimmed">{t('card.missing')}</Text>}
    </Stack>
  );
}

function CardFacts({ card, nowMs }: { card: DeskCard; nowMs: number }) {
  const { t } = useTranslation();
  const { announceName, announceReading, aliases, greeting, persons, notes } = card;
  const said = greeting?.[currentLanguage()] ?? greeting?.ja ?? greeting?.en;
  return (
    <>
      <Part title={t('card.announce')}>
        <div className="announced" lang="ja">
          <WithReading name={announceName} reading={announceReading} />
        </div>
        {said && <Text size="lg">{currentLanguage() === 'ja' ? `「${said}」` : `“${said}”`}</Text>}
        {aliases.length > 0 && (
          <Text size="sm" c="dimmed">
            {t('card.aliases')}:{' '}
            {aliases.map(({ name, reading }) => (reading ? `${name}（${reading}）` : name)).join('、')}
          </Text>
        )}
      </Part>
      {notes !== '' && (
        <Part title={t('card.notes')}>
          <Text className="pre" fw={600}>
            {notes}
          </Text>
        </Part>
      )}
      {persons.length > 0 && (
        <Part title={t('card.persons')}>
          {persons.map((person) => (
            <Group key={person.personId} gap="xs" align="baseline">
              <Text fw={600} lang="ja">
                <WithReading name={person.name} reading={person.reading} />
              </Text>
              <Text size="sm" c="dimmed">
                {person.title}
              </Text>
              {person.number === undefined ? (
                <Badge variant="light" color="gray" tt="none">
                  {t('card.messageOnly')}
                </Badge>
              ) : (
                <Badge color="teal" variant="light" tt="none">
                  {t('card.mayPutThrough')} {writtenNumber(person.number)}
                </Badge>
              )}
              {person.note !== '' && <Text size="sm">{person.note}</Text>}
            </Group>
          ))}
        </Part>
      )}
      <Answers answers={card.answers} nowMs={nowMs} />
    </>
  );
}

function Answers({ answers, nowMs }: { answers: DeskCard['answers']; nowMs: number }) {
  const { t } = useTranslation();
  const { address, directions, hours, hoursText, holidays, wrongNumbers, more } = answers;
  const days = holidays.map(({ from, to, note }) => `${from === to ? from : `${from} – ${to}`} ${note}`.trim());
  const wrong = wrongNumbers.map(({ wanted, number }) => (number ? `${wanted} ${writtenNumber(number)}` : wanted));
  const rows: [label: string, text: string][] = [
    [hours ? '' : t('card.hours'), hoursText],
    [t('card.holidays'), days.join('\n')],
    [t('card.address'), address],
    [t('card.directions'), directions],
    [t('card.wrongNumbers'), wrong.join('\n')],
    ...more.map(({ question, answer }): [string, string] => [question, answer]),
  ];
  const filled = rows.filter(([, text]) => text !== '');
  if (filled.length === 0 && !hours) return null;
  return (
    <Part title={t('card.answers')}>
      {hours && <OpeningHours hours={hours} holidays={holidays} nowMs={nowMs} />}
      {filled.map(([label, text]) => (
        <div key={label}>
          {label !== '' && (
            <Text size="xs" c="dimmed">
              {label}
            </Text>
          )}
          <Text className="pre">{text}</Text>
        </div>
      ))}
    </Part>
  );
}

/** A part of what is known, under its name. */
export function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Stack gap={4}>
      <Text size="sm" fw={700} className="title" component="h2">
        {title}
      </Text>
      {children}
    </Stack>
  );
}
