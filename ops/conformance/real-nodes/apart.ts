import { spawn } from 'node:child_process';

const INSIDE = 'KUBUS_REAL_NODES_INSIDE';
/** Whether this process has the machine to itself. */
export const isApart = (): boolean => process.env[INSIDE] !== undefined;

/** Runs a program again, with the same arguments, on a machine that has nothing but this. Resolves with its exit status. */
export function apart(program: string): Promise<number> {
  const spaces = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc', '--propagation', 'private'];
  const prepare = 'mount -t tmpfs tmpfs /run; echo 0 > /proc/sys/net/ipv4/ip_forward; ip link set lo up; "$@"; exit $?';
  const again = [process.execPath, '--disable-warning=ExperimentalWarning', program];
  const child = spawn('unshare', [...spaces, '--', 'sh', '-c', prepare, 'sh', ...again, ...process.argv.slice(2)], {
    stdio: 'inherit',
    env: { ...process.env, [INSIDE]: '1' },
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => child.kill('SIGKILL'));
  return new Promise((resolve) => child.once('exit', (code) => resolve(code ?? 1)));
}
