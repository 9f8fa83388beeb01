import { fromCurveSeed, fromPublic, fromSeed } from '@nats-io/nkeys';
import type { Msg, NatsConnection } from '@nats-io/nats-core';
import type { Bus } from '../bus.ts';
import type { Credentials } from '../credentials.ts';
import { NODE_CREDENTIAL_SECONDS, type JoinRequest, type NodeConnection, type NodeGate } from '../node-gate.ts';
import { AUTH_SUBJECT, permissionsFor } from '../permissions.ts';
import { delay, type World } from '../world.ts';
import { connectNats, natsConnectionOf } from './connect.ts';
import { readProof } from './certificate-proof.ts';
import { readClaims, signClaims } from './jwt.ts';
import type { NodeAuthority } from './node-authority.ts';
import { SYSTEM_ID } from './server-config.ts';

const QUEUE = 'node-authenticator';
/** The server's key, with which the answer is sealed. */
const SERVER_KEY = 'Nats-Server-Xkey';
/** The account that all components share. */
const ACCOUNT = '$G';
/** After this long without one more server's answer there are no more servers. */
const SILENCE_MS = 300;
/** For a server to say that it has ended a connection. */
const END_MS = 2_000;
const MOST_CONNECTIONS = 100_000;

interface Question {
  readonly server_id: { readonly id: string };
  readonly user_nkey: string;
  readonly client_info: { readonly host?: string; readonly nonce?: string };
  readonly connect_opts: {
    readonly nkey?: string;
    readonly sig?: string;
    readonly user?: string;
    readonly pass?: string;
    readonly auth_token?: string;
  };
}
interface Connections {
  readonly server: { readonly id: string };
  readonly data: { readonly connections?: readonly { readonly cid: number; readonly authorized_user?: string }[] };
}

/**
 * Lets nodes in by NATS' auth callout: `bus` is a connection that may answer it, `authority` signs. Connections are listed
 * and ended on one of the system account, made when needed: at rest there is none. Source: NATS ADR-26.
 */
export function createNodeGate(o: {
  readonly bus: Bus;
  readonly world: World;
  readonly authority: NodeAuthority;
  /** Where the servers are; of the credential of `bus`. */
  readonly servers: Pick<Credentials, 'urls' | 'ca'>;
  readonly credentialSeconds?: number | undefined;
}): NodeGate {
  const { world, authority } = o;
  const bytes = (seed: string): Uint8Array => new TextEncoder().encode(seed);
  const issuer = fromSeed(bytes(authority.issuer));
  const box = fromCurveSeed(bytes(authority.box));
  const now = (): number => Math.floor(world.clock.now() / 1000);

  const userToken = (question: Question, { node, key }: JoinRequest): string => {
    const { publish, subscribe } = permissionsFor({ node });
    return signClaims(
      {
        iss: issuer.getPublicKey(),
        sub: question.user_nkey,
        aud: ACCOUNT,
        name: nameOf(node, key),
        iat: now(),
        exp: now() + (o.credentialSeconds ?? NODE_CREDENTIAL_SECONDS),
        nats: { type: 'user', version: 2, pub: { allow: publish }, sub: { allow: subscribe }, subs: -1, data: -1, payload: -1 },
      },
      issuer,
    ); // prettier-ignore
  };
  const answer = (
    message: Msg,
    serverKey: string,
    question: Question,
    verdict: { jwt: string } | { error: string },
  ) => {
    const claims = {
      iss: issuer.getPublicKey(),
      sub: question.user_nkey,
      aud: question.server_id.id,
      iat: now(),
      nats: { type: 'authorization_response', version: 2, ...verdict },
    };
    message.respond(box.seal(bytes(signClaims(claims, issuer)), serverKey));
  };
  const handle = async (message: Msg, decide: (r: JoinRequest) => Promise<string | undefined>): Promise<void> => {
    const serverKey = message.headers?.get(SERVER_KEY) ?? '';
    const opened = serverKey === '' ? null : box.open(message.data, serverKey);
    // Not by a server that knows our box: no answer could be read.
    if (opened === null) return;
    const question = readClaims(new TextDecoder().decode(opened)).nats as unknown as Question;
    const request = requestOf(question);
    const why = request === undefined ? 'no proof of a key' : await decide(request).catch(() => 'no decision');
    if (why === undefined) answer(message, serverKey, question, { jwt: userToken(question, request!) });
    else answer(message, serverKey, question, { error: why });
  };

  /** One short life of a system connection. */
  const asSystem = async <T>(work: (connection: NatsConnection) => Promise<T>): Promise<T> => {
    const credentials: Credentials = { ...o.servers, role: SYSTEM_ID, seed: authority.system };
    const bus = await connectNats({ world, name: SYSTEM_ID, credentials });
    try {
      return await work(natsConnectionOf(bus));
    } finally {
      await bus.drain();
    }
  };

  return {
    serve: (decide) =>
      natsConnectionOf(o.bus).subscribe(AUTH_SUBJECT, {
        queue: QUEUE,
        callback: (error, message) => {
          if (error) world.log.error('nodes cannot be let in', { err: error });
          else handle(message, decide).catch((err: unknown) => world.log.error('cannot answer about a node', { err }));
        },
      }),
    endUntrusted: (isTrusted, signal) =>
      asSystem(async (connection) => {
        const ended: NodeConnection[] = [];
        const look = async (one: NodeConnection): Promise<void> => {
          if (await isTrusted(one)) return;
          signal.throwIfAborted();
          const query = JSON.stringify({ cid: one.id });
          // Without a reply subject the server does nothing. One that is gone already is as good as ended.
          await connection
            .request(`$SYS.REQ.SERVER.${one.server}.KICK`, query, { timeout: END_MS })
            .catch(() => undefined);
          ended.push(one);
        };
        const looks: Promise<void>[] = [];
        let heard = world.clock.now();
        const subject = `_INBOX.${SYSTEM_ID}.${world.ids.token()}`;
        const subscription = connection.subscribe(subject, {
          callback: (error, message) => {
            if (error) return;
            heard = world.clock.now();
            for (const one of connectionsOf(message)) {
              const looked = look(one);
              // Heard of below; until then nobody listens, and a rejection that nobody hears ends the process.
              looked.catch(() => undefined);
              looks.push(looked);
            }
          },
        });
        const query = JSON.stringify({ auth: true, limit: MOST_CONNECTIONS });
        connection.publish('$SYS.REQ.SERVER.PING.CONNZ', query, { reply: subject });
        for (let left = SILENCE_MS; left > 0; left = heard + SILENCE_MS - world.clock.now())
          await delay(world.clock, left, signal);
        subscription.unsubscribe();
        await Promise.all(looks);
        return ended;
      }),
  };
}

const PREFIX = 'node:';
/** What the server lists a node's connection as: whose it is, and by which key. */
const nameOf = (node: string, key: string): string => `${PREFIX}${node}/${key}`;
function connectionsOf(message: Msg): NodeConnection[] {
  const { server, data } = message.json<Connections>();
  return (data.connections ?? []).flatMap(({ cid, authorized_user: name = '' }) => {
    const [node, key] = name.startsWith(PREFIX) ? name.slice(PREFIX.length).split('/') : [];
    return node !== undefined && key !== undefined ? [{ node, key, server: server.id, id: cid }] : [];
  });
}

/** undefined unless the client signed this connection's nonce: the server leaves that to us. */
function requestOf({ client_info: client, connect_opts: said }: Question): JoinRequest | undefined {
  const { nkey: key = '', sig = '', user: node = '', pass: token = '' } = said;
  const nonce = client.nonce ?? '';
  try {
    if (nonce === '' || !key.startsWith('U') || node.includes('/')) return undefined;
    if (!fromPublic(key).verify(Buffer.from(nonce), Buffer.from(sig, 'base64'))) return undefined;
  } catch {
    return undefined;
  }
  return { node, key, token, shown: readProof(said.auth_token ?? '', { nonce, key, node }), host: client.host ?? '' };
}
