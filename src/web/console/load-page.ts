const retryMs = 2_000;

/**
 * Loads a part of the pages that is not there yet. Without a connection it is tried until there is one; where the server
 * answers but has no such part any more, it has been replaced since, and the page begins anew with the new one.
 */
export async function loadPage<Part>(load: () => Promise<Part>): Promise<Part> {
  for (;;) {
    try {
      return await load();
    } catch {
      const answer = await fetch('/', { method: 'HEAD', cache: 'no-store' }).catch(() => undefined);
      if (answer?.ok) location.reload();
      await new Promise((resolve) => window.setTimeout(resolve, retryMs));
    }
  }
}
