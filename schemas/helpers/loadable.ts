/** Something heavy that most clusters never need: loaded by whoever can wait, used by those who cannot. */
interface Loadable<T> {
  /** Undefined once it is there. */
  readonly load: () => Promise<void> | undefined;
  /** What has been loaded. Throws when nothing has been. */
  readonly loaded: () => T;
}
export function loadable<T>(bring: () => Promise<T>): Loadable<T> {
  let known: { readonly it: T } | undefined;
  const load = async (): Promise<void> => {
    known = { it: await bring() };
  };
  return {
    load: () => (known === undefined ? load() : undefined),
    loaded() {
      if (known === undefined) throw new Error('validated before beforeValidation');
      return known.it;
    },
  };
}
