/** For what one component still does when it is told to stop: longer than all that drains takes, 5 s of each door. */
export const COMPONENT_MS = 11_000;
/** For a connection's goodbye: what is under way may take 5 s of it, what was said last 1 s. */
export const GOODBYE_MS = 8_000;
/** Who waits for an end is told after so long for what. */
const NOTICE_MS = 6_000;

/**
 * Carries out one step of an end, for at most `ms`; who stops is never held up by it, nor by its failure. `tell` hears
 * what takes long and what was wrong, in words for people: `etcd has not ended within 11 s`, `etcd did not end well: ...`.
 */
export async function ended(
  what: string,
  ms: number,
  step: () => Promise<unknown> | undefined,
  tell: (problem: string) => void,
): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const notice = setTimeout(() => tell(`${what} takes long to end: waiting for it, ${ms / 1000} s at most`), NOTICE_MS);
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(`${what} has not ended within ${ms / 1000} s`), ms);
  });
  const done = (async () => void (await step()))().catch(
    (error: unknown) => `${what} did not end well: ${error instanceof Error ? error.message : String(error)}`,
  );
  const problem = await Promise.race([done, late]);
  clearTimeout(timer);
  clearTimeout(notice);
  if (typeof problem === 'string') tell(problem);
}
