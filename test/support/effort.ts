/**
 * How much more processor time `second` takes than `first`: the least of several runs of each, in turn. Time on the
 * wall would tell how busy the machine is.
 */
export async function compareEffort(first: () => Promise<unknown>, second: () => Promise<unknown>): Promise<number> {
  const least = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let run = 0; run < 8; run++) {
    for (const [index, work] of [first, second].entries()) {
      const before = process.cpuUsage();
      await work();
      const { user, system } = process.cpuUsage(before);
      least[index] = Math.min(least[index] ?? 0, user + system);
    }
  }
  return (least[1] ?? 0) / (least[0] ?? 0);
}
