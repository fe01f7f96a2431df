/** Lets a bounded number of tasks run at once; those above wait in line, up to a bound. */
export interface Slots {
  /** Runs the task when it is its turn; undefined when the line is full. */
  run<T>(task: () => Promise<T>): Promise<T | undefined>;
}

/** `concurrency` tasks at once, `waitingMax` in line. */
export function createSlots(concurrency: number, waitingMax: number): Slots {
  let running = 0;
  const line: (() => void)[] = [];

  return {
    run: async (task) => {
      if (running >= concurrency) {
        if (line.length >= waitingMax) return undefined;
        // The slot is handed over, so `running` stays as it is.
        await new Promise<void>((resolve) => line.push(resolve));
      } else running++;
      try {
        return await task();
      } finally {
        const next = line.shift();
        if (next) next();
        else running--;
      }
    },
  };
}
