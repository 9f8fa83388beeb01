import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../cli/output.ts';
import { CNI_FOLDERS } from './containerd.ts';

/** A program that real nodes need, and the Debian package that brings it. */
interface Tool {
  readonly program: string;
  readonly package: string;
}
const TOOLS: readonly Tool[] = [
  { program: 'containerd', package: 'containerd' },
  { program: 'ctr', package: 'containerd' },
  { program: 'runc', package: 'runc' },
  { program: 'nft', package: 'nftables' },
  { program: 'iptables', package: 'iptables' },
  { program: 'conntrack', package: 'conntrack' },
  { program: 'ip', package: 'iproute2' },
  { program: 'unshare', package: 'util-linux' },
  { program: 'nsenter', package: 'util-linux' },
  { program: 'setpriv', package: 'util-linux' },
  { program: 'mount', package: 'mount' },
];
/** A distribution keeps some of them where users do not look. */
const FOLDERS = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];
const CNI_PLUGINS = ['ptp', 'host-local', 'portmap', 'loopback'];
const CNI_PACKAGE = 'containernetworking-plugins';

/** Path of a program of this machine. */
export function findProgram(name: string, path = process.env['PATH'] ?? ''): string | undefined {
  return [...path.split(':'), ...FOLDERS]
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, name))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}
export const findCniPlugins = (): string | undefined =>
  CNI_FOLDERS.find((folder) => existsSync(folder) && CNI_PLUGINS.every((name) => readdirSync(folder).includes(name)));

/** Debian packages of what is not there. */
export function missingPackages(): string[] {
  const missing = TOOLS.filter(({ program }) => findProgram(program) === undefined).map((tool) => tool.package);
  return [...new Set([...missing, ...(findCniPlugins() === undefined ? [CNI_PACKAGE] : [])])];
}
/** Thrown: UserError that names what is missing. */
export function requireTools(): { readonly cniPlugins: string } {
  const missing = missingPackages();
  const cniPlugins = findCniPlugins();
  if (missing.length === 0 && cniPlugins !== undefined) return { cniPlugins };
  throw new UserError(
    `real nodes need what this machine does not have: install ${missing.join(', ')} (see kubus doctor), or start with --runtime simulated`,
  );
}
