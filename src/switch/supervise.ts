import type { Refusals } from '../kernel/refusal-fold.ts';
import { type SpawnedSwitch, type SwitchHealth, type SwitchSettings, spawnSwitch } from './spawn.ts';

const firstRestartMs = 100;
const maxRestartMs = 5_000;
/** A process that ran so long did not end because of how it starts: the next follows at once again. */
const steadyMs = 60_000;

export interface SupervisorOptions {
  /** The process ended or hung; all calls in it are gone. Another is being started. */
  onLost(why: string): void;
  /** It could not be started again; it is tried once more. */
  onFailed(error: unknown): void;
  /** What it refuses by itself, unseen by the controller. */
  onRefusals?(refusals: Refusals[]): void;
  /** Another has taken its place, on the same ports. */
  onBack(): void;
}

/** A switch that is started again whenever its process ends or hangs, on the ports it had at first. */
export interface SupervisedSwitch {
  readonly sipPort: number;
  readonly controlPort: number;
  readonly eventSocketPort: number;
  /** What the running process last said of itself; undefined while none runs. */
  health(): SwitchHealth | undefined;
  /** Of the process that runs now. */
  readonly pid: number | undefined;
  stop(): Promise<void>;
}

/** @throws SwitchStartError when the first process does not start. */
export async function superviseSwitch(settings: SwitchSettings, options: SupervisorOptions): Promise<SupervisedSwitch> {
  const first = await spawnSwitch(settings, options.onRefusals);
  return new Supervisor(settings, first, options);
}

class Supervisor implements SupervisedSwitch {
  readonly sipPort: number;
  readonly controlPort: number;
  readonly eventSocketPort: number;
  readonly #settings: SwitchSettings;
  readonly #options: SupervisorOptions;
  #current: SpawnedSwitch | undefined;
  #starting: Promise<void> | undefined;
  #restartMs = firstRestartMs;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(settings: SwitchSettings, first: SpawnedSwitch, options: SupervisorOptions) {
    const { sipPort, controlPort, eventSocketPort, mrfSipPort } = first;
    this.sipPort = sipPort;
    this.controlPort = controlPort;
    this.eventSocketPort = eventSocketPort;
    this.#settings = { ...settings, sipPort, controlPort, eventSocketPort, mrfSipPort };
    this.#options = options;
    this.#keep(first);
  }

  health(): SwitchHealth | undefined {
    return this.#current?.health();
  }

  get pid(): number | undefined {
    return this.#current?.pid;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#starting;
    await this.#current?.stop();
  }

  #keep(running: SpawnedSwitch): void {
    this.#current = running;
    const startedAtMs = performance.now();
    running.exited.then((code) => {
      this.#current = undefined;
      if (this.#stopped) return;
      if (performance.now() - startedAtMs >= steadyMs) this.#restartMs = firstRestartMs;
      this.#options.onLost(running.hung ? 'it hung and was ended' : `it ended unexpectedly with ${code}`);
      this.#startLater();
    });
  }

  #startLater(): void {
    this.#timer = setTimeout(() => {
      this.#starting = this.#start();
    }, this.#restartMs);
    this.#restartMs = Math.min(maxRestartMs, this.#restartMs * 2);
  }

  async #start(): Promise<void> {
    try {
      const running = await spawnSwitch(this.#settings, this.#options.onRefusals);
      this.#keep(running);
      if (!this.#stopped) this.#options.onBack();
    } catch (error) {
      if (this.#stopped) return;
      this.#options.onFailed(error);
      this.#startLater();
    }
  }
}
