import { loadable } from '../helpers/loadable.ts';

interface Selecting {
  readonly selectors?: readonly unknown[] | undefined;
}
interface Request {
  readonly exactly?: Selecting | undefined;
  readonly firstAvailable?: readonly Selecting[] | undefined;
}

/** What compiles selectors of devices is loaded for the first. */
export const { load: loadDeviceExpressions, loaded: deviceExpressions } = loadable(
  () => import('./device-expressions.ts'),
);
/** The same for a claim, if it selects devices. */
export function loadForClaim(requests: readonly Request[] | undefined): Promise<void> | undefined {
  const all = (requests ?? []).flatMap(({ exactly, firstAvailable }) => [exactly, ...(firstAvailable ?? [])]);
  return all.some((one) => one?.selectors?.length) ? loadDeviceExpressions() : undefined;
}
