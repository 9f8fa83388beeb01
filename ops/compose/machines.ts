import { writeFileSync } from 'node:fs';
import { run } from '../fetch/run.ts';
import { docker, ROOT } from './engine.ts';

/** The service whose containers are machines. */
export const MACHINE = 'container-node';
interface Service {
  readonly entrypoint: readonly string[];
}
/**
 * Where an engine cannot start what compose calls privileged, since it has not all capabilities itself: a compose file to be
 * laid over the project's, by which machines have all that the engine has, and the same devices, files of the kernel and
 * cgroups. Resolves with why; undefined where it can.
 */
export async function writeUnprivileged(file: string, image: string, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const why = await refusal('--privileged', '--entrypoint', 'true', image);
  if (why === undefined) return undefined;
  const said = await run('docker', ['compose', '--profile', '*', 'config', '--format', 'json'], { cwd: ROOT, env });
  const { entrypoint } = (JSON.parse(said) as { services: Record<string, Service> }).services[MACHINE]!;
  const lacking = await missingCapabilities(image);
  // What privilege leaves writable.
  const open = 'for place in /sys /sys/fs/cgroup /sys/fs/cgroup/*; do mount -o remount,bind,rw "$$place"; done; exec "$$@"';
  writeFileSync(
    file,
    `services:
  ${MACHINE}:
    privileged: !reset false
    cap_add: [ALL]
    cap_drop: !override ${JSON.stringify(lacking)}
    security_opt: !override ['seccomp:unconfined', 'apparmor:unconfined', 'systempaths=unconfined']
    device_cgroup_rules: ['a *:* rwm']
    entrypoint: ${JSON.stringify(['sh', '-c', open, 'sh', ...entrypoint])}
`,
  );
  return `${why}: without ${lacking.join(', ')}`;
} // prettier-ignore

/** Of those that the kernel knows, what the engine may not give. */
async function missingCapabilities(image: string): Promise<string[]> {
  const missing: string[] = [];
  for (const name of CAPABILITIES)
    if ((await refusal('--cap-drop', 'ALL', '--cap-add', name, '--entrypoint', 'true', image)) !== undefined)
      missing.push(name);
  return missing;
}
/** Those that Docker's default leaves out; a container that has none of them starts anywhere. */
const CAPABILITIES = [
  'SYS_MODULE', 'SYS_RAWIO', 'SYS_PACCT', 'SYS_ADMIN', 'SYS_NICE', 'SYS_RESOURCE', 'SYS_TIME', 'SYS_TTY_CONFIG', 'SYS_BOOT', 'SYS_PTRACE', 'SYSLOG', 'LEASE', 'LINUX_IMMUTABLE', 'NET_ADMIN', 'NET_BROADCAST', 'IPC_LOCK', 'IPC_OWNER', 'DAC_READ_SEARCH', 'MAC_ADMIN', 'MAC_OVERRIDE', 'WAKE_ALARM', 'BLOCK_SUSPEND', 'AUDIT_CONTROL', 'AUDIT_READ',
]; // prettier-ignore
const refusal = (...args: string[]): Promise<string | undefined> =>
  docker('run', '--rm', ...args).then(
    () => undefined,
    (error: Error) => /(unable to [^:]*: [^:\n]*)/.exec(error.message)?.[1] ?? error.message.split('\n').at(-1)!,
  );
