import type { Duplex } from 'node:stream';
import type { Bus } from '../../../bus/bus.ts';
import type { AttachRequest, DialRequest, ExecRequest } from '../../../bus/protocol/node.ts';
import type { World } from '../../../bus/world.ts';

/** What a client wants to be joined to. */
export type Connecting =
  | { readonly op: 'exec'; readonly request: ExecRequest }
  | { readonly op: 'attach'; readonly request: AttachRequest }
  /** Ports that the client names at once; it may name others later. */
  | { readonly op: 'portforward'; readonly pod: Omit<DialRequest, 'port'>; readonly ports: readonly number[] };

/** A request to speak another protocol, at whichever door it came. */
export interface UpgradeRequest {
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** The connection, for whoever speaks it; undefined: nobody asked for another protocol. */
  hijack?(): Duplex;
  /** Hears which answer is begun. */
  readonly audit?: { starts(code: number): unknown } | undefined;
}
/** Of a door: where nodes are asked. */
export interface StreamHost {
  readonly world: Pick<World, 'clock' | 'log'>;
  readonly bus: Pick<Bus, 'open' | 'request'>;
}
