import { parentPort } from 'node:worker_threads';
import type { Order } from '../../../src/switch/media/protocol.ts';
import '../../../src/switch/media/worker.ts';

/** A real media worker that can be made to die or to hang, by an order that it would otherwise obey. */
parentPort?.on('message', (message: Order) => {
  if (message.type !== 'stopRecord') return;
  if (message.recordingId === 'die') throw new Error('told to die');
  if (message.recordingId === 'hang') for (;;);
});
