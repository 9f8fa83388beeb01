import type * as all from './device-expressions.ts';

type DeviceExpressions = typeof all;
interface Selecting {
  readonly selectors?: readonly unknown[] | undefined;
}
interface Request {
  readonly exactly?: Selecting | undefined;
  readonly firstAvailable?: readonly Selecting[] | undefined;
}

let loaded: DeviceExpressions | undefined;
async function load(): Promise<void> {
  loaded = await import('./device-expressions.ts');
}
/** What compiles selectors of devices is loaded for the first. */
export const loadDeviceExpressions = (): Promise<void> | undefined => (loaded ? undefined : load());
/** The same for a claim, if it selects devices. */
export function loadForClaim(requests: readonly Request[] | undefined): Promise<void> | undefined {
  const all = (requests ?? []).flatMap(({ exactly, firstAvailable }) => [exactly, ...(firstAvailable ?? [])]);
  return all.some((one) => one?.selectors?.length) ? loadDeviceExpressions() : undefined;
}
/** What has been loaded. Throws when nothing has been. */
export function deviceExpressions(): DeviceExpressions {
  if (!loaded) throw new Error('validated before beforeValidation');
  return loaded;
}
