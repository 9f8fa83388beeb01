import type { Subscription } from './bus.ts';

/** A node agent that wants on the bus; it has proven that it holds the secret half of `key`. */
export interface JoinRequest {
  readonly node: string;
  /** Public nkey, `U...`. */
  readonly key: string;
  /** A bootstrap token; '' once the node is known by its key. A secret. */
  readonly token: string;
  /** What it showed beside its key; undefined: nothing. */
  readonly shown?: Shown | undefined;
  /** Address of its machine as the server sees it. */
  readonly host: string;
}
/** A certificate in DER, whose key the connection has proven to hold; whose it is, and what it is worth, has to be looked at. */
export type Shown = { readonly certificate: Uint8Array } | { readonly problem: string };
/** A connection that was let in by a gate. */
export interface NodeConnection {
  readonly node: string;
  readonly key: string;
  /** Which server, and which of its connections. */
  readonly server: string;
  readonly id: number;
}

/** How long a node's credential is good; the node reconnects for another one before. */
export const NODE_CREDENTIAL_SECONDS = 3600;

/** The bus's side of letting nodes in (`bus/nats/node-gate.ts`): servers ask one of those who serve about each stranger. */
export interface NodeGate {
  /** `decide` resolves with undefined to let the node in, with the reason to refuse it. What it throws refuses too. */
  serve(decide: (request: JoinRequest) => Promise<string | undefined>): Subscription;
  /** Looks through the nodes' connections to all servers and cuts off at once those not trusted; resolves with these. */
  endUntrusted(
    isTrusted: (connection: NodeConnection) => Promise<boolean>,
    signal: AbortSignal,
  ): Promise<readonly NodeConnection[]>;
}
