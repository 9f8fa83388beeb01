import { delay, type World } from '../../../bus/world.ts';
import type { ApiClient } from '../../../actors/runtime/api-client.ts';
import type { Inspection } from '../../../actors/runtime/inspection.ts';
import type { NodeAddress } from '../../../schemas/generated/core-v1.ts';
import type { Certificates } from '../certificates/manager.ts';
import type { NodeContext } from '../context.ts';
import type { DoorConfiguration } from '../node/door-configuration.ts';
import { createAdmission } from './admit.ts';
import type { Answers } from './answer.ts';
import { createAuthenticator } from './clients.ts';
import { countRequests } from './counts.ts';
import { openDoor, type Credentials, type Door } from './door.ts';
import { createAuthorizer } from './rights.ts';
import { ownPair, readPair, type ServingPair } from './serving.ts';
import { clientAuthorities } from './trust.ts';

export interface KubeletDoorOptions {
  readonly world: World;
  /** Of caller `node:<name>`. */
  readonly client: ApiClient;
  readonly node: NodeContext;
  readonly configuration: DoorConfiguration;
  /** The kubelet's folder. */
  readonly root: string;
  /** Of the node, as they stand now. */
  readonly addresses: () => readonly NodeAddress[];
  readonly inspection?: Inspection | undefined;
}
export interface KubeletDoor {
  /** undefined: it is not open. */
  port(): number | undefined;
  stop(): Promise<void>;
}
/** ms: between two looks at what TLS goes by, where that is the node's own or the cluster's, and where it is in files. */
const [LOOK_MS, FILE_LOOK_MS] = [3_600_000, 60_000];
/** ms: between two attempts to open the door. */
const [FIRST_MS, LAST_MS] = [500, 30_000];
/** ms: between two looks because somebody showed a certificate that is not believed. */
const STRANGE_MS = 60_000;

/**
 * The HTTPS door of a node: kubelet's port, for who reaches the node's address and has a right to it. It opens once it is
 * known who signs certificates of clients, and tries again where the port is another's. Source: kubelet
 * ListenAndServeKubeletServer, app BuildAuth.
 */
export function startKubeletDoor(o: KubeletDoorOptions): KubeletDoor {
  const { world, node, configuration } = o;
  const { clock, log } = world;
  const end = new AbortController();
  const { clientCAFile } = configuration.authentication.x509;
  const hasFiles = configuration.tlsCertFile !== '' && configuration.tlsPrivateKeyFile !== '';
  let credentials: Credentials | undefined;
  let door: Door | undefined;
  let answers: Promise<Answers> | undefined;
  let signed: Certificates | undefined;
  let lastLook = -Infinity;

  const serial = (): Uint8Array => Buffer.from(world.ids.uuid().replaceAll('-', '').slice(0, 16), 'hex');
  const pairNow = async (): Promise<ServingPair | undefined> => {
    if (hasFiles) return readPair(configuration.tlsCertFile, configuration.tlsPrivateKeyFile);
    return configuration.serverTLSBootstrap ? credentials?.pair : ownPair(o.root, node.nodeName, clock.now(), serial);
  };
  const use = (next: Credentials): void => {
    const isNews = next.authorities !== credentials?.authorities || next.pair?.cert !== credentials.pair?.cert;
    credentials = next;
    if (isNews) door?.use(next);
  };
  async function look(): Promise<Credentials> {
    lastLook = clock.now();
    const authorities = await clientAuthorities(o.client, clientCAFile, end.signal);
    const next = { authorities, pair: await pairNow() };
    use(next);
    return next;
  }
  /** Asks the cluster to sign: from then on whatever it has signed is shown. */
  async function beSigned(): Promise<void> {
    if (signed !== undefined || hasFiles || !configuration.serverTLSBootstrap) return;
    const [{ startCertificates }, { namesOf, serving }] = await Promise.all([import('../certificates/manager.ts'), import('../certificates/purpose.ts')]);
    const purpose = serving({
      // A cloud may say others later.
      names: () => namesOf(o.addresses()) ?? { dns: [node.nodeName], ips: node.nodeIPs },
      use: ({ pem }) => use({ authorities: credentials!.authorities, pair: { cert: pem, key: pem } }),
    });
    if (end.signal.aborted) return;
    signed = startCertificates({ ...o, nodeName: node.nodeName, metrics: node.metrics.registry, purpose });
  } // prettier-ignore
  const admit = createAdmission({
    world,
    authenticate: createAuthenticator(world, o.client, configuration.authentication),
    authorize: createAuthorizer(world, o.client, node.nodeName, configuration.authorization),
    hasDebugging: configuration.enableDebuggingHandlers,
    onStrangeCertificate: () => {
      if (clock.now() - lastLook >= STRANGE_MS) void look().catch(unseen);
    },
  });
  const unseen = (error: unknown): void => {
    if (!end.signal.aborted)
      log.warn('what TLS of the kubelet goes by was not read', { node: node.nodeName, err: error });
  };
  async function open(): Promise<void> {
    const count = countRequests(node.metrics.registry, clock);
    let told: string | undefined;
    for (let ms = FIRST_MS; ; ms = Math.min(2 * ms, LAST_MS))
      try {
        const found = await look();
        await beSigned();
        end.signal.throwIfAborted();
        door = await openDoor({
          configuration,
          credentials: credentials ?? found,
          admit,
          count,
          answers: () => (answers ??= import('./answer.ts').then(({ createAnswers }) => createAnswers(node))),
          onError: (error) => log.debug('a request of a client of the kubelet failed', { node: node.nodeName, err: error }),
        });
        if (end.signal.aborted) await door.close();
        else log.info('the kubelet listens', { node: node.nodeName, port: door.port });
        return;
      } catch (error) {
        if (end.signal.aborted) return;
        const { message } = error as Error;
        if (message !== told) log.warn('the kubelet cannot listen yet', { node: node.nodeName, err: error });
        told = message;
        await delay(clock, ms, end.signal);
      }
  } // prettier-ignore
  async function live(): Promise<void> {
    await open();
    while (!end.signal.aborted) {
      await delay(clock, hasFiles || clientCAFile !== '' ? FILE_LOOK_MS : LOOK_MS, end.signal);
      await look().catch(unseen);
    }
  }
  // It ends by being stopped.
  const life = configuration.enableServer ? live().catch(() => undefined) : Promise.resolve();
  return {
    port: () => door?.port,
    async stop() {
      end.abort(new Error('the kubelet stops'));
      await life;
      await signed?.stop();
      await door?.close();
      await (await answers)?.stop();
    },
  };
}
