/** A signal to a whole process group, by `timeout` or a terminal, may arrive twice: what follows so soon is no second wish. */
const ECHO_MS = 500;

/**
 * Resolves with the first signal that asks this process to end, so that it can do so in order. One more, later, means that
 * somebody does not want to wait: exit status 130.
 */
export function untilSignal(...names: readonly NodeJS.Signals[]): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let first: number | undefined;
    for (const name of names.length > 0 ? names : (['SIGINT', 'SIGTERM'] as const))
      process.on(name, () => {
        if (first !== undefined && performance.now() - first > ECHO_MS) process.exit(130);
        first ??= performance.now();
        resolve(name);
      });
  });
}
