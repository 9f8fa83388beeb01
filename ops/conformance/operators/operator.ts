/**
 * Real operators beside a cluster: their own manifests (by `kubectl kustomize`) with this machine in place of their pods,
 * and their programs as processes of this machine under the rights of their ServiceAccounts. `build.sh` builds them.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { authority, DAY_MS, hostNames, issue } from '../../pki/issue.ts';
import { writerTo } from '../../pki/kept.ts';
import { x509 } from '../../pki/x509-library.ts';
import { eventually as soon, type TestCluster } from '../../testing/cluster.ts';

type Kubectl = Pick<TestCluster, 'kubectl'>;
export interface Manifest {
  readonly kind: string;
  readonly metadata: { name: string; namespace?: string; annotations?: Record<string, string> };
  [field: string]: unknown;
}
/** What `build.sh` has built. */
const folder = process.env['KUBUS_OPERATORS'] ?? '';
export const source = (name: string, ...path: string[]): string => join(folder, 'src', name, ...path);
export const program = (name: string): string => join(folder, 'bin', name);
/** Endpoints may not be on loopback, so webhooks and aggregated servers are reached by another of this machine's addresses. */
const address = Object.values(networkInterfaces())
  .flatMap((list) => list ?? [])
  .find(({ family, internal }) => family === 'IPv4' && !internal)?.address;
/** Those of `names` that cannot run here, and what is missing: for the names of skipped tests. */
export const missing = (...names: string[]): string => {
  if (folder === '') return 'KUBUS_OPERATORS names no folder: see build.sh';
  const absent = names.filter((name) => !existsSync(program(name)));
  if (absent.length > 0) return `${absent.join(', ')} not built: see build.sh`;
  return address === undefined ? 'this machine has no address but loopback' : '';
};

/** What a folder's kustomization makes, with the defaults of the variables in it. */
export async function kustomize(cluster: Kubectl, dir: string): Promise<Manifest[]> {
  const text = await cluster.kubectl(['kustomize', dir]);
  return parseAllDocuments(text.replaceAll(/\$\{\w+:=([^}]*)\}/g, '$1'))
    .map((d) => d.toJS() as Manifest | null)
    .filter((d) => d !== null);
}
/**
 * Applies an operator's manifests: without its Deployment, its services leading to `port` of this machine, and with `ca`
 * (PEM) where cert-manager would put one.
 */
export async function install(
  cluster: Kubectl,
  manifests: readonly Manifest[],
  { port, ca }: { readonly port: number; readonly ca?: string },
): Promise<void> {
  const kept = manifests.filter(({ kind }) => !['Deployment', 'Certificate', 'Issuer'].includes(kind));
  if (ca !== undefined) for (const manifest of kept) inject(manifest, Buffer.from(ca).toString('base64'));
  const all = kept.flatMap((manifest) => (manifest.kind === 'Service' ? here(manifest, port) : [manifest]));
  await cluster.kubectl(
    ['apply', '--server-side', '-f', '-'],
    JSON.stringify({ apiVersion: 'v1', kind: 'List', items: all }),
  );
}
/** A service without pods, and its one endpoint. */
function here(service: Manifest, port: number): Manifest[] {
  const { selector: _, ...spec } = service['spec'] as { selector?: unknown; ports: { name?: string; targetPort?: unknown }[] };
  const { name, namespace } = service.metadata;
  const slice = {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: `${name}-here`, ...(namespace !== undefined && { namespace }), labels: { 'kubernetes.io/service-name': name } },
    addressType: 'IPv4',
    ports: spec.ports.map((p) => ({ ...(p.name !== undefined && { name: p.name }), port, protocol: 'TCP' })),
    endpoints: [{ addresses: [address], conditions: { ready: true } }],
  };
  return [{ ...service, spec }, slice];
} // prettier-ignore
/** What cert-manager's CA injector does to webhooks and to definitions with conversion. */
function inject(manifest: Manifest, caBundle: string): void {
  if (manifest.metadata.annotations?.['cert-manager.io/inject-ca-from'] === undefined) return;
  for (const hook of (manifest['webhooks'] ?? []) as { clientConfig: { caBundle?: string } }[])
    hook.clientConfig.caBundle = caBundle;
  const spec = manifest['spec'] as { conversion?: { webhook?: { clientConfig?: { caBundle?: string } } } } | undefined;
  if (spec?.conversion?.webhook?.clientConfig) spec.conversion.webhook.clientConfig.caBundle = caBundle;
}
/** Writes `tls.crt` and `tls.key` for a service into `dir`; the authority's certificate. */
export async function servingCertificate(dir: string, service: string, namespace: string): Promise<string> {
  mkdirSync(dir, { recursive: true });
  const now = Date.now();
  const ca = await authority(x509, dir, now, writerTo(dir));
  const names = hostNames(x509, [`${service}.${namespace}.svc`]);
  const usage = new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]);
  const { cert, key } = await issue(x509, ca, `CN=${service}`, now, now + DAY_MS, [names, usage]);
  writeFileSync(join(dir, 'tls.crt'), cert);
  writeFileSync(join(dir, 'tls.key'), key, { mode: 0o600 });
  return ca.cert.toString('pem');
}
/** A kubeconfig with a token of a ServiceAccount, written to `file`. */
export async function accountKubeconfig(cluster: Kubectl, file: string, namespace: string, account: string): Promise<string> {
  const config = JSON.parse(await cluster.kubectl(['config', 'view', '--raw', '--minify', '-o', 'json'])) as { clusters: unknown[]; contexts: { context: Record<string, unknown> }[] };
  const token = (await cluster.kubectl(['create', 'token', account, '-n', namespace])).trim();
  const context = { ...config.contexts[0]!.context, user: account, namespace };
  writeFileSync(file, JSON.stringify({
    apiVersion: 'v1', kind: 'Config', clusters: config.clusters, users: [{ name: account, user: { token } }],
    contexts: [{ name: account, context }], 'current-context': account,
  }), { mode: 0o600 }); // prettier-ignore
  return file;
} // prettier-ignore

/** What operators do may take its time on a busy machine. */
export const eventually: typeof soon = (what, look, ms = 90_000) => soon(what, look, ms);

export interface Running {
  readonly process: ChildProcess;
  /** The last of what it has said. */
  said(): string;
  /** Waits for its end. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}
export function run(name: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Running {
  const child = spawn(program(name), args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  const hear = (d: Buffer): void => void (said = (said + d.toString()).slice(-200_000));
  child.stdout.on('data', hear);
  child.stderr.on('data', hear);
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  return {
    process: child,
    said: () => said,
    stop: (signal = 'SIGTERM') => {
      child.kill(signal);
      return gone;
    },
  };
}
/** Waits for a good answer at `url`. Thrown: Error with what the program has said, if it ends before. */
export async function untilReady(one: Running, url: string): Promise<void> {
  const ended = await eventually(
    url,
    async () => (one.process.exitCode === null ? (await fetch(url)).ok && 'ready' : 'ended') || undefined,
    120_000,
  );
  if (ended === 'ended') throw new Error(`${one.process.spawnfile} has ended:\n${one.said()}`);
}
