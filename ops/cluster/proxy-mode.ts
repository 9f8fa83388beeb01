import { realWorld } from '../../bus/real-world.ts';
import type { ProxyMode } from '../../node-agent/kube-proxy/backend.ts';
import { UserError } from '../cli/output.ts';
import type { ClusterConfig } from './config.ts';

/** Flag of `kubus up` and of `kubus run nodes --runtime cri`: what brings Services to real nodes. */
export interface ProxyModeFlags {
  readonly proxyMode?: ProxyMode;
  readonly runtime?: 'simulated' | 'cri' | 'auto';
}

/** What is asked for, over what the cluster was; nothing: the best that the machine can do. Thrown: UserError where nobody would go by it. */
export function proxyMode(
  flags: ProxyModeFlags,
  before: Pick<ClusterConfig, 'proxyMode' | 'runtime'> | undefined,
): Pick<ClusterConfig, 'proxyMode'> {
  const { runtime = 'auto' } = flags;
  if (flags.proxyMode !== undefined && (runtime === 'auto' ? before?.runtime : runtime) !== 'cri')
    throw new UserError('--proxy-mode is for nodes that run containers: say --runtime cri too', 2);
  const mode = flags.proxyMode ?? before?.proxyMode;
  return mode === undefined ? {} : { proxyMode: mode };
}
/** In a network that is gone at once. Thrown: UserError with what this machine lacks for it. */
export async function checkProxyMode(mode: ProxyMode): Promise<void> {
  const [{ machineCommands }, { backendOf }] = await Promise.all([
    import('../../node-agent/host/commands.ts'),
    import('../../node-agent/kube-proxy/backends.ts'),
  ]);
  const world = realWorld({ component: 'machine', level: 'silent' });
  const backend = backendOf(mode, { world, commands: machineCommands(world, ['unshare', '--net', '--']) });
  const why = await backend.probe(AbortSignal.timeout(PROBE_MS));
  await backend.close();
  if (why !== undefined) throw new UserError(`--proxy-mode ${mode}: ${why}`);
}
const PROBE_MS = 30_000;
/** The flag again, for the process in the background. */
export const proxyModeArguments = ({ proxyMode: mode }: ProxyModeFlags): string[] =>
  mode === undefined ? [] : ['--proxy-mode', mode];
