import { join } from 'node:path';
import { fromPromise } from 'xstate';
import type { World } from '../../../bus/world.ts';
import type { ApiClient } from '../../../actors/runtime/api-client.ts';
import { certificateSigningRequests } from '../../../actors/runtime/certificate-requests.ts';
import { createInformer } from '../../../actors/runtime/informer.ts';
import type { Inspection } from '../../../actors/runtime/inspection.ts';
import type { Registry } from '../../../actors/runtime/metrics/registry.ts';
import { isOfFormerNode, KEY_LABEL } from '../../../actors/runtime/node-labels.ts';
import { nodes } from '../../../actors/runtime/resources.ts';
import { startActor } from '../../../actors/runtime/start-actor.ts';
import type { CertificateSigningRequest } from '../../../schemas/generated/certificates-v1.ts';
import type { Node } from '../../../schemas/generated/core-v1.ts';
import { backoffMs, firstLookMs, nextStep, shareOf, verdictOn, type Next, type RequestRef } from './decide.ts';
import { formatKeyPair, isSignedBy, readKeyPair, type KeyPair } from './key-pair.ts';
import { findDoor, writeKubeconfig } from './kubeconfig.ts';
import { certificateMachine } from './machine.ts';
import { CLIENT, missingNames, type Purpose } from './purpose.ts';
import { makeRequest, type NodeRequest } from './request.ts';
import { pairStore, pkiOf } from './store.ts';

export interface CertificateOptions {
  readonly world: World;
  /** Of caller `node:<name>`. */
  readonly client: ApiClient;
  readonly nodeName: string;
  /** What it is for; default: API servers know the node by it. */
  readonly purpose?: Purpose | undefined;
  /** The kubelet's folder: certificates are kept in `pki`, and `kubelet.conf` is a kubeconfig with that of the client. */
  readonly root: string;
  readonly metrics: Registry;
  readonly inspection?: Inspection | undefined;
  /** Default: as long as the signer gives. */
  readonly expirationSeconds?: number | undefined;
}
export interface Certificates {
  state(): string;
  /** Ends when nothing of it is under way any more. */
  stop(): Promise<void>;
}
const TIMEOUT_MS = 30_000;
const LOOK_TIMEOUT_MS = 10_000;

/**
 * Gets the node a certificate, and another one before it ends: the key is made here and stays here, the cluster approves and
 * signs. Source: kubelet NewKubeletClientCertificateManager, NewKubeletServerCertificateManager.
 */
export function startCertificates(o: CertificateOptions): Certificates {
  const { world, client, nodeName, purpose = CLIENT } = o;
  const { clock, log } = world;
  const folder = pkiOf(o.root);
  const store = pairStore(folder, purpose.pair);
  const errors = o.metrics.counter(purpose.errors).at({});
  /** The one that was read or stored last. */
  let current: KeyPair | undefined;
  /** Of the request that is under way, and what came of it. */
  let asked: NodeRequest | undefined;
  let answer: string | undefined;
  o.metrics.gauge(purpose.ttl, () => [
    [{}, current === undefined || clock.now() > current.notAfter ? Infinity : Math.trunc((current.notAfter - clock.now()) / 1_000)],
  ]); // prettier-ignore

  async function look(share: number, signal: AbortSignal): Promise<Next> {
    const pem = await store.read();
    try {
      current = pem === undefined ? undefined : readKeyPair(pem, nodeName);
      const why = current && (await (purpose.serves ? renamed(current) : mismatch(current, signal)));
      if (why !== undefined) throw new Error(why);
      if (current !== undefined && clock.now() <= current.notAfter) purpose.serves?.use(current);
    } catch (error) {
      current = undefined;
      log.warn('the certificate of the node is of no use', { node: nodeName, err: error });
    }
    return nextStep(current, share, clock.now());
  }
  /** Why a server's certificate does not say all that the node is called now. Source: certificate_manager.go certSatisfiesTemplate. */
  function renamed({ certificate }: KeyPair): string | undefined {
    const names = purpose.serves?.names();
    const missing = names === undefined ? [] : missingNames(certificate.subjectAltName, names);
    return missing.length > 0 ? `it does not say ${missing.join(', ')}` : undefined;
  }
  /** Why a certificate that was good once is not this cluster's or this Node's; undefined also where that cannot be told now. */
  async function mismatch(pair: KeyPair, signal: AbortSignal): Promise<string | undefined> {
    const [door, node] = await Promise.allSettled([
      findDoor(client, signal),
      client.get<Node>(nodes, nodeName, undefined, { signal, timeoutMs: LOOK_TIMEOUT_MS }),
    ]);
    signal.throwIfAborted();
    if (door.status === 'fulfilled' && !isSignedBy(pair, door.value.ca))
      return 'it is of another authority than that of the cluster';
    // Where it joined. Elsewhere it makes its Node itself, and may be given a certificate before that.
    const isJoined = node.status === 'fulfilled' && node.value.metadata.labels?.[KEY_LABEL] !== undefined;
    return isJoined && isOfFormerNode(pair.notBefore, node.value) ? 'it is that of a Node before this one' : undefined;
  }
  async function submit(signal: AbortSignal): Promise<RequestRef> {
    const names = purpose.serves?.names();
    if (purpose.serves !== undefined && names === undefined) throw new Error('the node has no address yet');
    asked = makeRequest(nodeName, names);
    const request: CertificateSigningRequest = {
      apiVersion: 'certificates.k8s.io/v1',
      kind: 'CertificateSigningRequest',
      metadata: { generateName: 'csr-' },
      spec: {
        request: Buffer.from(asked.pem).toString('base64'),
        signerName: purpose.signerName,
        usages: ['digital signature', purpose.usage],
        ...(o.expirationSeconds !== undefined && { expirationSeconds: o.expirationSeconds }),
      },
    };
    const { metadata } = await client.create(certificateSigningRequests, request, { signal, timeoutMs: TIMEOUT_MS });
    log.info('certificate asked for', { node: nodeName, signer: purpose.signerName, request: metadata.name });
    return { name: metadata.name ?? '', uid: metadata.uid ?? '' };
  }
  function awaitAnswer(request: RequestRef, signal: AbortSignal): Promise<void> {
    const done = Promise.withResolvers<void>();
    const see = (csr: CertificateSigningRequest | undefined): void => {
      const verdict = verdictOn(csr, request);
      if (verdict.is === 'refused') done.reject(new Error(verdict.why));
      if (verdict.is !== 'issued') return;
      answer = verdict.certificate;
      done.resolve();
    };
    const selection = { fieldSelector: `metadata.name=${request.name}` };
    const informer = createInformer<CertificateSigningRequest>({ client, world, gvr: certificateSigningRequests, selection }); // prettier-ignore
    informer.on({ add: see, update: see, delete: () => see(undefined) });
    signal.addEventListener('abort', () => done.reject(signal.reason as Error), { once: true });
    return done.promise.finally(() => informer.stop());
  }
  async function keep(): Promise<KeyPair> {
    const pem = formatKeyPair(answer!, asked!.key);
    // Before it takes the place of one that may be good still.
    const pair = readKeyPair(pem, nodeName);
    await store.write(pem, clock.now());
    [asked, answer] = [undefined, undefined];
    log.info('certificate issued', { node: nodeName, until: pair.certificate.validTo });
    return pair;
  }

  const stopped = Promise.withResolvers<void>();
  const actor = startActor(
    certificateMachine.provide({
      actors: {
        look: fromPromise(({ input, signal }) => look(input.share, signal)),
        describe: fromPromise(async ({ signal }) => {
          if (purpose.serves === undefined)
            await writeKubeconfig(join(o.root, 'kubelet.conf'), folder, await findDoor(client, signal));
        }),
        submit: fromPromise(({ signal }) => submit(signal)),
        awaitAnswer: fromPromise(({ input, signal }) => awaitAnswer(input, signal)),
        store: fromPromise(async () => {
          current = await keep();
          purpose.serves?.use(current);
          const share = shareOf(world.random());
          return { share, waitMs: firstLookMs(current, share, clock.now()) };
        }),
      },
      delays: { backoff: ({ context }) => backoffMs(context.failures, world.random()) },
      actions: {
        logFailure: (_, { error }) => {
          errors.n++;
          log.warn('no certificate for the node', { node: nodeName, err: error });
        },
        logUndescribed: (_, { error }) => log.debug('no kubeconfig for the node', { node: nodeName, err: error }),
      },
    }),
    {
      world,
      id: `${purpose.chart}/${nodeName}`,
      machine: 'certificate',
      inspection: o.inspection,
      input: { share: shareOf(world.random()) },
      onDone: () => stopped.resolve(),
    },
  );
  return {
    state: () => actor.state(),
    stop() {
      actor.send({ type: 'stop' });
      return stopped.promise;
    },
  };
}
