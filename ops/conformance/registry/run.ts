/**
 * A registry and a real node that pulls from it: `node ops/conformance/registry/run.ts`, as root, with what real nodes need,
 * busybox-static, and Debian's docker-registry, which is fetched where it is not installed. In namespaces of its own, where it
 * may say in /etc who is who. A line for each check; exit status 1 if one fails.
 */
import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { machineNames, machinePaths } from '../../machine/names.ts';
import { finish, upForTest } from '../../testing/cluster.ts';
import { apart, isApart } from '../real-nodes/apart.ts';
import { runCheck } from '../real-nodes/checks.ts';
import { accessChecks, writeProvider } from './access-checks.ts';
import { startFront } from './front.ts';
import { HOSTS, HTPASSWD, PORT } from './names.ts';
import { fill, writeLoaded } from './images.ts';
import { pullChecks, trust } from './pull-checks.ts';
import { findRegistry, startRegistry } from './registry.ts';

const NAME = 'pulls';
const CERTS = '/etc/containerd/certs.d';
const bundler = join(import.meta.dirname, '../../build/bundle.ts');

process.exitCode = isApart() ? await all() : await apart(import.meta.filename);

async function all(): Promise<number> {
  const program = await findRegistry();
  if (program === undefined) throw new Error('no docker-registry: neither on PATH nor of a Debian mirror');
  const dir = mkdtempSync(join(tmpdir(), 'kubus-pulls-'));
  const ends: (() => unknown)[] = [() => rmSync(dir, { recursive: true, force: true })];
  const failed: string[] = [];
  try {
    ownEtc();
    const auths = await registries(program, dir, ends);
    const bundle = join(dir, 'b', 'kubus.mjs');
    const built = await finish(process.execPath, [bundler, bundle], process.env);
    if (built.status !== 0) throw new Error(`no bundle: ${built.stderr}`);
    const provider = writeProvider(dir);
    const up = ['--runtime', 'cri', '--nodes', '1', '--addons', 'none', '--wait'];
    const providing = ['--image-credential-provider-config', provider.config, '--image-credential-provider-bin-dir', provider.programs]; // prettier-ignore
    const cluster = await upForTest([...up, ...providing], { dir, name: NAME, program: bundle });
    ends.unshift(() => cluster.stop());
    nameHosts(machineNames(cluster.data).bridge);
    trust(
      CERTS,
      auths.front.ca,
      ...Object.values(HOSTS).filter((host) => host !== HOSTS.strange),
      'r1.wild.registry.test',
    );
    const [node = ''] = (await cluster.kubectl(['get', 'nodes', '-o', 'jsonpath={.items[*].metadata.name}'])).split(
      ' ',
    );
    const checks = [
      ...pullChecks(cluster, auths.front, auths.digest, CERTS),
      ...accessChecks(cluster, auths.front, machinePaths(cluster.data).node(node), provider, writeLoaded(dir)),
    ];
    for (const check of checks) if (!(await runCheck(check))) failed.push(check.name);
  } finally {
    for (const end of ends) await end();
  }
  if (failed.length > 0) console.log(`\n${failed.length} failed: ${failed.join('; ')}`);
  return failed.length > 0 ? 1 : 0;
}
/** What is written there nobody else sees; /run is this process's own already. */
function ownEtc(): void {
  for (const name of ['up', 'work']) mkdirSync(`/run/etc/${name}`, { recursive: true });
  execFileSync('mount', [
    '-t',
    'overlay',
    '-o',
    'lowerdir=/etc,upperdir=/run/etc/up,workdir=/run/etc/work',
    'overlay',
    '/etc',
  ]);
}
/** One folder of images behind three doors. */
async function registries(program: string, dir: string, ends: (() => unknown)[]) {
  const htpasswd = join(dir, 'htpasswd');
  writeFileSync(htpasswd, HTPASSWD);
  const start = async (name: string, auth: object): Promise<number> => {
    const { port, process } = await startRegistry(program, dir, name, auth);
    ends.unshift(() => process.kill('SIGKILL'));
    return port;
  };
  const open = await start('open', {});
  const basic = await start('basic', { htpasswd: { realm: 'kubus', path: htpasswd } });
  const portOf: Record<string, number> = { [HOSTS.open]: open, [HOSTS.basic]: basic };
  const front = await startFront(dir, portOf);
  ends.unshift(front.close);
  const realm = `https://${HOSTS.tokens}:${PORT}/token`;
  portOf[HOSTS.bearer] = await start('bearer', { token: { realm, service: 'kubus', issuer: 'kubus', rootcertbundle: join(dir, 'ca.crt') } }); // prettier-ignore
  return { front, digest: await fill(`http://127.0.0.1:${open}`) };
}
/** By the address at which nodes find this machine. */
function nameHosts(bridge: string): void {
  const address = networkInterfaces()[bridge]?.find(({ family }) => family === 'IPv4')?.address;
  if (address === undefined) throw new Error(`no address on ${bridge}`);
  appendFileSync('/etc/hosts', `${address} ${Object.values(HOSTS).join(' ')} r1.wild.registry.test\n`);
}
