import type { Job, Session, Step } from './session.ts';

/** Waits as `park` does, without being an application: what `uuid_park` and the end of a bridge lead to. */
export const parkJob: Job = {
  async run(session: Session) {
    const { channel } = session;
    channel.fire('CHANNEL_PARK');
    await session.hold('park', (settle) => (why) => {
      if (why === 'break') return false;
      settle();
      return true;
    });
    channel.fire('CHANNEL_UNPARK');
    return undefined;
  },
};

/** Runs applications one after the other; a channel that has no more of them is hung up. */
export function stepsJob(steps: readonly Step[]): Job {
  return {
    async run(session: Session) {
      await session.runSteps(steps);
      return undefined;
    },
  };
}

/** A transfer: the channel is routed anew, then runs the steps. */
export function transferJob(steps: readonly Step[]): Job {
  return {
    async run(session: Session) {
      const { channel } = session;
      channel.other = undefined;
      channel.setCallState('RINGING');
      if (channel.answered) channel.setCallState('ACTIVE');
      await session.runSteps(steps);
      return undefined;
    },
  };
}

/** The inline dialplan: `app:arg,app:arg`; `m:^:app:arg^app:arg` has another delimiter. */
export function inlineSteps(text: string): Step[] {
  const [, custom, rest] = /^m:(.):(.*)$/s.exec(text) ?? [];
  return (rest ?? text)
    .split(custom ?? ',')
    .map((entry) => entry.trimStart())
    .filter((entry) => entry !== '')
    .map((entry) => {
      const colon = entry.indexOf(':');
      return colon === -1 ? { app: entry, arg: '' } : { app: entry.slice(0, colon), arg: entry.slice(colon + 1) };
    });
}

/** What `freeswitch-conf/dialplan.xml` does with every call. */
export const parkDialplan: readonly Step[] = [
  { app: 'answer', arg: '' },
  { app: 'park', arg: '' },
];
