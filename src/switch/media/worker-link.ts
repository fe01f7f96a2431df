import { type Transferable, Worker } from 'node:worker_threads';
import type { Fault } from './faults.ts';
import type { Answers, LegReport, Order, Question, Report } from './protocol.ts';

/** One that hangs does not close its legs: it is ended without. */
const stopDeadlineMs = 2_000;

interface Waiting {
  resolve(answer: unknown): void;
  reject(error: Error): void;
}

export interface WorkerLinkOptions {
  script: URL;
  onEvent(report: LegReport): void;
  onFault(fault: Fault): void;
  /** It has ended without being told to, or was given up. */
  onCrash(link: WorkerLink, why: Error): void;
}

/** The engine's side of one worker: orders, questions with their answers, events, and its unforeseen end. */
export class WorkerLink {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  readonly #ready: Promise<void>;
  readonly #onCrash: WorkerLinkOptions['onCrash'];
  #requests = 0;
  #ended = false;
  #givenUp = false;
  /** Signs of life it was asked for since it last gave one. */
  unanswered = 0;
  /** It has given one. */
  hasAnswered = false;
  /** Ids of the legs it carries. */
  readonly legs = new Set<string>();

  constructor({ script, onEvent, onFault, onCrash }: WorkerLinkOptions) {
    this.#onCrash = onCrash;
    this.#worker = new Worker(script, {
      name: 'media',
      execArgv: [],
      // Short-lived garbage is all that reception makes: a small young generation keeps collections short.
      resourceLimits: { maxYoungGenerationSizeMb: 8, maxOldGenerationSizeMb: 128 },
    });
    this.#worker.on('message', (report: Report) => {
      // One that was given up may still have something to say: its legs are over.
      if (this.#givenUp) return;
      if (report.type === 'event') onEvent(report);
      else if (report.type === 'fault') onFault(report.fault);
      else this.#settle(report);
    });
    let failure = new Error('the media worker ended');
    this.#worker.on('error', (error) => {
      failure = error instanceof Error ? error : new Error(String(error));
    });
    this.#worker.on('exit', () => this.#end(failure));
    this.#ready = new Promise((resolve, reject) => {
      this.#worker.once('online', () => resolve());
      this.#worker.once('exit', () => reject(failure));
    });
    this.#ready.catch(() => undefined);
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** It has given a sign of life lately. */
  get answers(): boolean {
    return !this.#ended && this.unanswered < 2;
  }

  /** Asks for a sign of life. */
  async beat(): Promise<void> {
    this.unanswered++;
    await this.ask('beat', {});
    this.unanswered = 0;
    this.hasAnswered = true;
  }

  /** Ends it without waiting: it may hang where nothing reaches it, and its ports stay taken until it is gone. */
  giveUp(why: Error): void {
    this.#givenUp = true;
    this.#end(why);
    this.#worker.terminate().catch(() => undefined);
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
    const stopped = this.ask('stop', {}).catch(() => null);
    await Promise.race([stopped, new Promise((resolve) => setTimeout(resolve, stopDeadlineMs).unref())]);
    this.#ended = true;
    await this.#worker.terminate();
  }

  #end(why: Error): void {
    if (this.#ended) {
      for (const { reject } of this.#waiting.values()) reject(why);
      this.#waiting.clear();
      return;
    }
    this.#ended = true;
    for (const { reject } of this.#waiting.values()) reject(why);
    this.#waiting.clear();
    this.#onCrash(this, why);
  }

  #settle(report: Extract<Report, { request: number }>): void {
    const waiting = this.#waiting.get(report.request);
    this.#waiting.delete(report.request);
    if (report.type === 'answer') waiting?.resolve(report.answer);
    else waiting?.reject(Object.assign(new Error(report.message), { code: report.code }));
  }
}
