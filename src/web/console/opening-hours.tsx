import { Badge, Group, Text } from '@mantine/core';
import { Fragment } from 'react';
import { useTranslation } from 'react-i18next';
import type { DeskCard } from '../../accounts/cards.ts';
import { type Hours, openingAt, type Span, shortTime } from './opening.ts';

/** When the account is open, in its time zone: today's marked, and whether it is open now. */
export function OpeningHours(props: { hours: Hours; holidays: DeskCard['answers']['holidays']; nowMs: number }) {
  const { hours, holidays, nowMs } = props;
  const { t } = useTranslation();
  const { today, date, time, isOpen, closedToday, week, special, closedDays } = openingAt(hours, holidays, nowMs);
  const isElsewhere = hours.timezone !== Intl.DateTimeFormat().resolvedOptions().timeZone;
  const spanText = (span: Span) => {
    if (!span) return t('card.allDay');
    const isNight = span.to <= span.from;
    const to = shortTime(span.to);
    return `${shortTime(span.from)} – ${isNight ? t('card.nextDay', { time: to }) : to}`;
  };
  const spansText = (spans: Span[]) => (spans.length > 0 ? spans.map(spanText).join(', ') : t('card.closed'));
  const isAlways = hours.open.length === 0;
  return (
    <div data-testid="hours">
      <Group gap="xs">
        <Text size="xs" c="dimmed">
          {t('card.hours')}
        </Text>
        <Badge color={isOpen ? 'teal' : 'gray'} variant="light" tt="none">
          {isOpen ? t('card.openNow') : t('card.closedNow')}
        </Badge>
        {closedToday && (
          <Badge color="orange" variant="light" tt="none">
            {[t('card.closedToday'), closedToday.note].filter(Boolean).join(': ')}
          </Badge>
        )}
        {isElsewhere && (
          <Text size="xs" c="dimmed">
            {t('card.localTime', { time, date, zone: hours.timezone })}
          </Text>
        )}
      </Group>
      {isAlways ? (
        <Text>{t('card.everyDay', { hours: t('card.allDay') })}</Text>
      ) : (
        <div className="week digits">
          {week.map(({ day, spans }) => (
            <Fragment key={day}>
              <span {...(day === today ? { 'aria-current': 'date' } : {})}>{t(`card.days.${day}`)}</span>
              <span>
                {spansText(spans)}
                {day === today && ` ← ${t('card.today')}`}
              </span>
            </Fragment>
          ))}
          {special.map(({ dates, span }) => (
            <Fragment key={dates.join()}>
              <span>{dates.join(', ')}</span>
              <span>{spanText(span)}</span>
            </Fragment>
          ))}
        </div>
      )}
      {closedDays.length > 0 && (
        <Text>
          {t('card.closedDays')}: {closedDays.slice(0, shownDays).join(', ')}
          {closedDays.length > shownDays && ' …'}
        </Text>
      )}
    </div>
  );
}

const shownDays = 20;
