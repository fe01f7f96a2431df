import { parentPort } from 'node:worker_threads';
import { MediaHost } from './host.ts';
import { preferThisThread } from './priority.ts';
import type { LegReport, Order, Question, Report } from './protocol.ts';

/** A media worker: reads orders and questions from the engine, reports events and answers. */

if (!parentPort) throw new Error('worker.ts runs as a worker of engine.ts');
const port = parentPort;
preferThisThread();
const report = (message: Report) => port.postMessage(message);
const host = new MediaHost(
  (name, ...args) => report({ type: 'event', name, args } as LegReport),
  (fault) => report({ type: 'fault', fault }),
);

async function answer(question: Question): Promise<unknown> {
  switch (question.type) {
    case 'open':
      await host.open(question.legId, question.address, question.rtpPort);
      return null;
    case 'close':
      return await host.close(question.legId);
    case 'stats':
      return host.stats(question.legId);
    case 'lateness':
      return host.lateness();
    case 'usage':
      return host.usage();
    case 'beat':
      return null;
    case 'stop':
      await host.closeAll();
      return null;
  }
}

port.on('message', (message: Order | Question) => {
  if (!('request' in message)) {
    host.obey(message);
    return;
  }
  const { request } = message;
  answer(message).then(
    (result) => report({ type: 'answer', request, answer: result }),
    (error: NodeJS.ErrnoException) =>
      report({ type: 'refusal', request, code: error.code ?? 'EFAIL', message: error.message }),
  );
});
