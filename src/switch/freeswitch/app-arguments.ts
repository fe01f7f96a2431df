/**
 * How FreeSWITCH reads an application's argument beyond plain words: `%[a=b,c=d]` in front sets variables for this one
 * execution (switch_core_session_exec).
 */

/** Takes the variables of a `%[…]` in front of an argument off it. */
export function scopedVariables(text: string): { variables: Record<string, string>; rest: string } {
  const match = /^%\[([^\]]*)\](.*)$/s.exec(text);
  if (!match) return { variables: {}, rest: text };
  const pairs = (match[1] ?? '').split(',').flatMap((pair): [string, string][] => {
    const equals = pair.indexOf('=');
    return equals > 0 ? [[pair.slice(0, equals).trim(), pair.slice(equals + 1).trim()]] : [];
  });
  return { variables: Object.fromEntries(pairs), rest: match[2] ?? '' };
}

/** `eval ${msleep(<ms>)}` waits; any other argument is only expanded, to no effect. */
export async function evaluate({ arg }: { arg: string }): Promise<void> {
  const delayMs = Number(/^\$\{msleep\((\d{1,4})\)\}$/.exec(arg.trim())?.[1] ?? 0);
  if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
}
