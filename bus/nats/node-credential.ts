import { usernamePasswordAuthenticator } from '@nats-io/transport-node';
import type { Authenticator, NatsConnection } from '@nats-io/nats-core';
import type { Credentials } from '../credentials.ts';
import { NODE_CREDENTIAL_SECONDS } from '../node-gate.ts';
import type { TimerId, World } from '../world.ts';
import { proofOf } from './certificate-proof.ts';
import { nkeyOf } from './nkey.ts';

/** How a connection proves who it is. A node says its name as well, and shows its token and certificate until it was let in once. */
export function authenticatorsOf(credentials: Credentials): {
  readonly authenticator: Authenticator[];
  letIn(): void;
} {
  const { publicKey, sign } = nkeyOf(credentials.seed);
  const key: Authenticator = (nonce) => ({
    nkey: publicKey,
    sig: nonce === undefined ? '' : Buffer.from(sign(nonce)).toString('base64url'),
  });
  const { node } = credentials;
  if (node === undefined) return { authenticator: [key], letIn: () => undefined };
  let token = credentials.token ?? '';
  let { certificate } = credentials;
  const shown: Authenticator = (nonce) =>
    certificate === undefined || nonce === undefined
      ? undefined
      : { auth_token: proofOf(certificate, { nonce, key: publicKey, node }) };
  return {
    authenticator: [key, usernamePasswordAuthenticator(node, () => token), shown],
    letIn: () => {
      token = '';
      certificate = undefined;
    },
  };
}

/**
 * A node's credential ends with its time, and with the connection: another one is had by connecting anew, before that and
 * not at the same moment as all others. Watches resume where they were.
 */
export function renewInTime(connection: NatsConnection, { clock, random }: World): void {
  let timer: TimerId | undefined;
  const arm = (): void => {
    if (timer !== undefined) clock.clearTimeout(timer);
    timer = clock.setTimeout(
      () => void connection.reconnect().catch(() => undefined),
      NODE_CREDENTIAL_SECONDS * 1000 * (0.75 + 0.15 * random()),
    );
  };
  const follow = async (): Promise<void> => {
    for await (const { type } of connection.status()) if (type === 'reconnect') arm();
    if (timer !== undefined) clock.clearTimeout(timer);
  };
  arm();
  void follow();
}
