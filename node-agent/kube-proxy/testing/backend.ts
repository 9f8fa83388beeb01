import type { Backend } from '../backend.ts';

/** A backend that notes what it is asked for. */
export interface FakeBackend extends Backend {
  /** `rebuild default/a default/b`, `update default/a`. */
  readonly said: string[];
  /** What the next calls say instead of doing anything; each once. */
  readonly failures: string[];
  unable: string | undefined;
  hasLeftovers: boolean;
}
export function fakeBackend(): FakeBackend {
  const backend: FakeBackend = {
    mode: 'nftables',
    said: [],
    failures: [],
    unable: undefined,
    hasLeftovers: false,
    probe: () => Promise.resolve(backend.unable),
    rebuild: (services) => say('rebuild', [...services].map(({ key }) => key)),
    update: (changes) => say('update', changes.map(({ key }) => key)),
    remove: () => say('remove', []),
    close: () => say('close', []),
  }; // prettier-ignore
  const say = (what: string, keys: readonly string[]): Promise<void> => {
    backend.said.push([what, ...keys.toSorted()].join(' '));
    const failure = backend.failures.shift();
    return failure === undefined ? Promise.resolve() : Promise.reject(new Error(failure));
  };
  return backend;
}
