import type { Service } from '../../../schemas/generated/core-v1.ts';
import type { Backend } from './endpoints.ts';

/** Source: pkg/apis/core DefaultClientIPServiceAffinitySeconds. */
const DEFAULT_SECONDS = 10_800;
/** Clients that are remembered; beyond, those go first who were quiet longest. */
const MOST_CLIENTS = 10_000;

/** Which backends a client is sent to, in the order in which they are tried. */
export interface Chooser {
  order(client: string, backends: readonly Backend[], now: number): readonly Backend[];
  /** The client has a connection to it: it may be another than the first of the order. */
  chosen(client: string, backend: Backend, now: number): void;
  /** What the Service wants from now on. */
  set(service: Service): void;
}
/** In turn; with `sessionAffinity: ClientIP` to the backend that the client had last, as long as it is one. */
export function createChooser(): Chooser {
  let turn = 0;
  /** ms that a client is remembered; 0: it is not. */
  let affinityMs = 0;
  const last = new Map<string, { readonly id: string; readonly at: number }>();
  const remember = (client: string, { id }: Backend, at: number): void => {
    if (affinityMs === 0) return;
    last.delete(client);
    last.set(client, { id, at });
    if (last.size > MOST_CLIENTS) last.delete(last.keys().next().value!);
  };
  return {
    set({ spec }) {
      const seconds = spec?.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? DEFAULT_SECONDS;
      affinityMs = spec?.sessionAffinity === 'ClientIP' ? seconds * 1_000 : 0;
      if (affinityMs === 0) last.clear();
    },
    order(client, backends, now) {
      if (backends.length === 0) return [];
      const before = affinityMs > 0 ? last.get(client) : undefined;
      const own = before && now - before.at < affinityMs ? backends.findIndex(({ id }) => id === before.id) : -1;
      const first = own >= 0 ? own : turn++ % backends.length;
      // At once: connections that a client opens together belong together.
      remember(client, backends[first]!, now);
      return [...backends.slice(first), ...backends.slice(0, first)];
    },
    chosen: remember,
  };
}
