/** Built-in guards such as stateIn are functions. */
export const guardName = (guard: unknown): string =>
  typeof guard === 'string'
    ? guard
    : ((guard as { type?: string }).type ?? ((guard as { name?: string }).name || 'guard'));
/** `xstate.after.backoff.replicaset.backoff` -> `after backoff`; `xstate.done.actor.sync` -> `done sync`; the empty one `always`. */
export const eventLabel = (type: string): string =>
  type === ''
    ? 'always'
    : type
        .replace(/^xstate\.after\.([^.]+)\..*$/, 'after $1')
        .replace(/^xstate\.(done|error)\.(?:actor|state)\.(.*)$/, '$1 $2');
