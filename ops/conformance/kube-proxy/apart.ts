import { execFileSync, spawnSync } from 'node:child_process';

const APART = 'KUBUS_KUBE_PROXY_APART';

/**
 * Goes on in a network namespace of its own, with a /run of its own for the lock of iptables, so that the machine's rules
 * stay as they are: this program is run again there, and this process ends with its status.
 */
export function apart(): void {
  if (process.env[APART] === undefined) {
    const again = ['--net', '--mount', '--', process.execPath, ...process.execArgv, ...process.argv.slice(1)];
    const env = { ...process.env, [APART]: '1' };
    process.exit(spawnSync('unshare', again, { stdio: 'inherit', env }).status ?? 1);
  }
  execFileSync('ip', ['link', 'set', 'lo', 'up']);
  execFileSync('mount', ['-t', 'tmpfs', 'none', '/run']);
}
