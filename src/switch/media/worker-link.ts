import { type Transferable, Worker } from 'node:worker_threads';
import type { Answers, LegReport, Order, Question, Report } from './protocol.ts';

interface Waiting {
  resolve(answer: unknown): void;
  reject(error: Error): void;
}

/** The engine's side of one worker: orders, questions with their answers, events, and its unforeseen end. */
export class WorkerLink {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  readonly #ready: Promise<void>;
  #requests = 0;
  #ended = false;
  /** Ids of the legs it carries. */
  readonly legs = new Set<string>();

  constructor(onEvent: (report: LegReport) => void, onCrash: (link: WorkerLink, error: Error) => void) {
    this.#worker = new Worker(new URL('./worker.ts', import.meta.url), {
      name: 'media',
      execArgv: [],
      // Short-lived garbage is all that reception makes: a small young generation keeps collections short.
      resourceLimits: { maxYoungGenerationSizeMb: 8, maxOldGenerationSizeMb: 128 },
    });
    this.#worker.on('message', (report: Report) => {
      if (report.type === 'event') onEvent(report);
      else this.#settle(report);
    });
    let failure = new Error('the media worker ended');
    this.#worker.on('error', (error) => {
      failure = error instanceof Error ? error : new Error(String(error));
    });
    this.#worker.on('exit', () => {
      const foreseen = this.#ended;
      this.#ended = true;
      for (const { reject } of this.#waiting.values()) reject(failure);
      this.#waiting.clear();
      if (!foreseen) onCrash(this, failure);
    });
    this.#ready = new Promise((resolve, reject) => {
      this.#worker.once('online', () => resolve());
      this.#worker.once('exit', () => reject(failure));
    });
    this.#ready.catch(() => undefined);
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Resolves when it runs. @throws the worker's error when it could not start. */
  ready(): Promise<void> {
    return this.#ready;
  }

  order(order: Order, transfer: Transferable[] = []): void {
    if (!this.#ended) this.#worker.postMessage(order, transfer);
  }

  /** @throws Error with the worker's `code`, or when the worker ends before it answered. */
  ask<Name extends keyof Answers>(type: Name, question: Answers[Name]['ask']): Promise<Answers[Name]['answer']> {
    if (this.#ended) return Promise.reject(new Error('the media worker has ended'));
    const request = ++this.#requests;
    return new Promise((resolve, reject) => {
      this.#waiting.set(request, { resolve: (answer) => resolve(answer as Answers[Name]['answer']), reject });
      this.#worker.postMessage({ ...question, type, request } as Question);
    });
  }

  /** Closes its legs, then ends it. */
  async stop(): Promise<void> {
    if (this.#ended) return;
    await this.ask('stop', {}).catch(() => null);
    this.#ended = true;
    await this.#worker.terminate();
  }

  #settle(report: Exclude<Report, LegReport>): void {
    const waiting = this.#waiting.get(report.request);
    this.#waiting.delete(report.request);
    if (report.type === 'answer') waiting?.resolve(report.answer);
    else waiting?.reject(Object.assign(new Error(report.message), { code: report.code }));
  }
}
