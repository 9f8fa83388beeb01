import type * as all from './expressions.ts';

type Expressions = typeof all;
let loaded: Expressions | undefined;
async function load(): Promise<void> {
  loaded = await import('./expressions.ts');
}
/** What compiles expressions is loaded for the first policy or condition. */
export const loadExpressions = (): Promise<void> | undefined => (loaded ? undefined : load());
/** What has been loaded. Throws when nothing has been. */
export function expressions(): Expressions {
  if (!loaded) throw new Error('validated before beforeValidation');
  return loaded;
}
