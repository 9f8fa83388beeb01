import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { findKubectl } from '../../fetch/kubectl.ts';
import { findNatsServer } from '../../fetch/nats-server.ts';
import { eventually, finish, type Finished } from '../../testing/cluster.ts';
import { begin, CONTROL, type Running } from './machines.ts';

/** A cluster of `kubus init`, each of whose roles is a process with its own folder alone. */
export interface ControlPlane {
  /** The folder of all folders. */
  readonly data: string;
  readonly token: string;
  /** File with the authority of its bus. */
  readonly busCa: string;
  kubectl(args: readonly string[], input?: string): Promise<string>;
  kubus(...args: string[]): Promise<Finished>;
  start(role: string, ...args: string[]): Running;
  /** All processes of that role. */
  end(role: string): Promise<void>;
  stop(): Promise<void>;
}
/** The order in which they begin: of the signers there are two. */
const ROLES = ['etcd', 'apiserver', 'controller-manager', 'certificate-signer', 'certificate-signer', 'scheduler', 'node-authenticator', 'dns']; // prettier-ignore
const EXTRA: Readonly<Record<string, readonly string[]>> = {
  // Nothing says by which address pods reach it: that is for it to find.
  apiserver: ['--host', '0.0.0.0'],
  dns: ['--dns-reached-at', 'auto'],
};

/** On this machine, reached by others at CONTROL. `init`: arguments besides. */
export async function openControlPlane(dir: string, program: string, init: readonly string[]): Promise<ControlPlane> {
  const data = join(dir, 'cluster');
  const env = { ...process.env, XDG_DATA_HOME: join(dir, 'data'), NO_COLOR: '1' };
  const kubus = (...args: string[]): Promise<Finished> => finish(process.execPath, [program, ...args], env);
  const running: Running[] = [];
  const byRole = new Map<string, Running[]>();
  const start = (role: string, ...args: string[]): Running => {
    const one = begin(process.execPath, [program, 'run', role, '--data', join(data, role), '--log', '-', ...args], env);
    running.push(one);
    byRole.set(role, [...(byRole.get(role) ?? []), one]);
    return one;
  };
  const must = async (work: Promise<Finished>): Promise<string> => {
    const { status, stdout, stderr } = await work;
    if (status !== 0) throw new Error(`${stderr}${stdout}`);
    return stdout;
  };
  await must(kubus('init', '--data', data, '--hosts', CONTROL, '--nats', CONTROL, ...init));
  const server = await findNatsServer(() => undefined);
  const folder = join(data, `nats-${CONTROL}`);
  const end = async (role: string): Promise<void> => {
    await Promise.all((byRole.get(role) ?? []).map((one) => one.stop()));
    byRole.delete(role);
  };
  const stop = async (): Promise<void> => {
    for (const one of running.toReversed()) await one.stop();
  };
  try {
    running.push(begin(server, ['-c', join(folder, 'nats-server.conf')], env));
    for (const role of ROLES) start(role, ...(EXTRA[role] ?? []));
    const program_ = await findKubectl();
    const kubeconfig = join(data, 'admin/kubeconfig');
    const kubectl = (args: readonly string[], input?: string): Promise<string> =>
      must(finish(program_, ['--kubeconfig', kubeconfig, ...args], env, input));
    await eventually('the API server is ready', async () => (await kubectl(['get', '--raw', '/readyz'])) || undefined, 60_000); // prettier-ignore
    const file = join(dir, 'token');
    await must(kubus('token', 'create', '--data', join(data, 'admin'), '--to', file));
    return {
      data,
      busCa: join(data, 'nodes/pki/bus-ca.crt'),
      token: readFileSync(file, 'utf8').trim(),
      kubectl,
      kubus,
      start,
      stop,
      end,
    };
  } catch (error) {
    const said = running.map((one) => one.said().slice(-400)).join('\n');
    await stop();
    throw new Error(`${(error as Error).message}\n${said}`, { cause: error });
  }
}
