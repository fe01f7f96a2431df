import type { TimeWindow } from '../kernel/time-window.ts';
import { type FlowFault, flowFault } from './fault.ts';
import type { FlowNode } from './flow.ts';
import type { Path } from './marks.ts';
import { isCalendarDay } from './shape-words.ts';

type Branch = Extract<FlowNode, { type: 'branch' }>;
type Condition = Branch['cases'][number]['when'];

/**
 * Faults of branches that no single value shows: days that are not in the calendar, cases that no call can ever take. About
 * `most` at most.
 */
export function branchFaults(nodes: ReadonlyMap<string, FlowNode>, most: number): FlowFault[] {
  const faults: FlowFault[] = [];
  for (const [id, node] of nodes) {
    if (faults.length >= most) break;
    if (node.type === 'branch') faults.push(...faultsOfBranch(node, ['nodes', id, 'cases']));
  }
  return faults;
}

function faultsOfBranch({ cases }: Branch, path: Path): FlowFault[] {
  const conditions = cases.map(({ when }) => when);
  const faults = conditions.flatMap((when, index) => timeFaults(when.time, [...path, index, 'when', 'time']));
  const told = new Set<number>();
  for (const [index, when] of conditions.entries()) {
    const before = conditions.findIndex((earlier, at) => at >= index || covers(earlier, when));
    // One case that covers all behind it is one slip.
    if (before >= index || told.has(before)) continue;
    told.add(before);
    const later = conditions.filter((other, at) => at > index && covers(conditions[before] ?? other, other)).length;
    faults.push(neverTaken([...path, index, 'when'], before, later));
  }
  return faults;
}

function neverTaken(path: Path, before: number, later: number): FlowFault {
  return flowFault(path, 'never-taken', {
    en: `no call ever comes here${later > 0 ? `, nor to ${later} more` : ''}: cases[${before}] holds whenever this does`,
    ja: `この条件${later > 0 ? `（ほか ${later} 件）` : ''}には決して進みません。cases[${before}] が先にすべて当てはまります`,
  });
}

function timeFaults(time: TimeWindow | undefined, path: Path): FlowFault[] {
  const wrong = (time?.dates ?? []).flatMap((date, index) =>
    isCalendarDay(date)
      ? []
      : [
          flowFault(
            [...path, 'dates', index],
            'bad-value',
            { en: `there is no day "${date}"`, ja: `「${date}」という日はありません` },
            { en: 'Write a day that is in the calendar', ja: '暦にある日付を書いてください' },
          ),
        ],
  );
  if (time?.to !== '23:59' || (time.from ?? '00:00') !== '00:00') return wrong;
  return [
    ...wrong,
    flowFault(
      [...path, 'to'],
      'bad-value',
      { en: '"23:59" leaves out the last minute of the day', ja: '「23:59」では最後の 1 分が抜けます' },
      { en: 'Write "24:00", or leave out from and to', ja: '「24:00」と書くか、from と to を省いてください' },
    ),
  ];
}

/** Whether the first holds in every call in which the second does, as far as that can be seen. */
function covers(first: Condition, second: Condition): boolean {
  const { time, variable, dialled, callerPrefix, callerWithheld, language } = first;
  return (
    (time === undefined || coversTime(time, second.time)) &&
    (variable === undefined || same(variable, second.variable)) &&
    (dialled === undefined || holdsAll(dialled, second.dialled)) &&
    (callerPrefix === undefined ||
      second.callerPrefix?.every((number) => callerPrefix.some((prefix) => number.startsWith(prefix))) === true) &&
    (callerWithheld === undefined || callerWithheld === second.callerWithheld) &&
    (language === undefined || language === second.language)
  );
}

const same = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);

function holdsAll<T>(all: readonly T[], some: readonly T[] | undefined): boolean {
  return some?.every((one) => all.includes(one)) === true;
}

function coversTime(first: TimeWindow, second: TimeWindow | undefined): boolean {
  const [from, to] = hoursOf(first);
  const [innerFrom, innerTo] = hoursOf(second);
  // A night belongs to the day on which it began: a whole day covers its own hours alone, every day covers all.
  const isAlways = first.days === undefined && first.dates === undefined && to - from >= 1_440;
  return (
    isAlways ||
    ((first.days === undefined || holdsAll(first.days, second?.days)) &&
      (first.dates === undefined || holdsAll(first.dates, second?.dates)) &&
      from <= innerFrom &&
      innerTo <= to)
  );
}

/** Minutes of the day; past midnight beyond 24 hours. The last minute that people forget counts as meant. */
function hoursOf(time: TimeWindow | undefined): [from: number, to: number] {
  const minutes = (text: string): number => Number(text.slice(0, 2)) * 60 + Number(text.slice(3));
  const from = minutes(time?.from ?? '00:00');
  const to = minutes(time?.to === '23:59' ? '24:00' : (time?.to ?? '24:00'));
  return from < to ? [from, to] : [from, to + 1_440];
}
