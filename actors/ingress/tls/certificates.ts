import { createSecureContext, type SecureContext } from 'node:tls';
import type { World } from '../../../bus/world.ts';
import type { Secret } from '../../../schemas/generated/core-v1.ts';
import type { ApiClient } from '../../runtime/api-client.ts';
import { createInformer, type Informer } from '../../runtime/informer.ts';
import type { Inspection } from '../../runtime/inspection.ts';
import { secrets } from '../../runtime/resources.ts';

/** What is to be told of a certificate that cannot be used. */
export interface CertificateProblem {
  readonly reason: 'MissingSecret' | 'InvalidCertificate';
  readonly message: string;
}
interface Kept {
  readonly informer: Informer<Secret>;
  context: SecureContext | undefined;
  problem: CertificateProblem | undefined;
}
/** Certificates of the Secrets that Ingresses name, each watched by its name: no other Secret is read. */
export interface Certificates {
  /** From now on these Secrets, `namespace/name`. */
  want(keys: ReadonlySet<string>): void;
  contextOf(key: string): SecureContext | undefined;
  problemOf(key: string): CertificateProblem | undefined;
  stop(): void;
}
export function createCertificates(o: {
  readonly world: World;
  readonly client: ApiClient;
  readonly inspection?: Inspection | undefined;
  /** A Secret's certificate is another one, or cannot be used any more. */
  readonly onChange: (key: string) => void;
}): Certificates {
  const kept = new Map<string, Kept>();
  const watch = (key: string): Kept => {
    const [namespace = '', name = ''] = key.split('/');
    const selection = { namespace, fieldSelector: `metadata.name=${name}` };
    const { world, client, inspection } = o;
    const informer = createInformer<Secret>({ client, world, gvr: secrets, selection, inspection });
    const one: Kept = { informer, context: undefined, problem: undefined };
    const read = (secret: Secret | undefined): void => {
      const [context, problem] = load(key, secret);
      one.context = context;
      one.problem = problem;
      o.onChange(key);
    };
    informer.on({ add: read, update: (secret) => read(secret), delete: () => read(undefined) });
    void informer.synced.then(() => {
      if (informer.get(key) === undefined && kept.has(key)) read(undefined);
    });
    return one;
  };
  return {
    want(keys) {
      for (const [key, { informer }] of kept)
        if (!keys.has(key)) {
          kept.delete(key);
          informer.stop();
        }
      for (const key of keys) if (!kept.has(key)) kept.set(key, watch(key));
    },
    contextOf: (key) => kept.get(key)?.context,
    problemOf: (key) => kept.get(key)?.problem,
    stop() {
      for (const { informer } of kept.values()) informer.stop();
      kept.clear();
    },
  };
}
/** The key is never part of a message. */
function load(key: string, secret: Secret | undefined): [SecureContext | undefined, CertificateProblem | undefined] {
  if (secret === undefined)
    return [undefined, { reason: 'MissingSecret', message: `secret "${key}" was not found: the default certificate is served` }]; // prettier-ignore
  const text = (name: string): string | undefined => {
    const encoded = secret.data?.[name];
    return encoded === undefined ? undefined : Buffer.from(encoded, 'base64').toString('utf8');
  };
  const [cert, privateKey] = [text('tls.crt'), text('tls.key')];
  const invalid = (why: string): [undefined, CertificateProblem] => [
    undefined,
    { reason: 'InvalidCertificate', message: `secret "${key}" ${why}: the default certificate is served` },
  ];
  if (!cert) return invalid('has no tls.crt');
  if (!privateKey) return invalid('has no tls.key');
  try {
    return [createSecureContext({ cert, key: privateKey }), undefined];
  } catch (error) {
    return invalid(`has no certificate with its key (${(error as NodeJS.ErrnoException).code ?? 'unreadable'})`);
  }
}
