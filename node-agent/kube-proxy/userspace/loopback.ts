import type { Commands } from '../../host/commands.ts';

/** Interface that bears the addresses of Services. */
const DEVICE = 'lo';
/** By which they are known to whoever comes after a proxy that was cut off: labels are of IPv4 only, and not every `ip` knows of protocols. */
const MARK = 196;

/** Addresses of Services that this machine bears as its own. Rejects with CommandError, and with `signal`'s reason. */
export interface Loopback {
  /** Those that are there, by this proxy or one before it. */
  addresses(signal: AbortSignal): Promise<Set<string>>;
  /** Resolves with what went wrong, by address; nothing where it is so already. */
  add(addresses: Iterable<string>, signal: AbortSignal): Promise<ReadonlyMap<string, string>>;
  remove(addresses: Iterable<string>, signal: AbortSignal): Promise<ReadonlyMap<string, string>>;
}
export function loopback(commands: Commands): Loopback {
  const each = async (verb: 'add' | 'del', all: Iterable<string>, mark: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, string>> => {
    const wrong = new Map<string, string>();
    for (const ip of all) {
      const { code, stderr } = await commands.run('ip', ['addr', verb, `${ip}/${ip.includes(':') ? 128 : 32}`, 'dev', DEVICE, ...mark], { signal });
      // Somebody else has given it, or taken it away.
      if (code !== 0 && !/exists|Cannot assign/.test(stderr)) wrong.set(ip, stderr.trim());
    }
    return wrong;
  };
  return {
    async addresses(signal) {
      const text = await commands.must('ip', ['-json', 'addr', 'show', 'dev', DEVICE, 'scope', 'global'], { signal });
      const links = JSON.parse(text.trim() || '[]') as readonly { readonly addr_info?: readonly { readonly local?: string; readonly metric?: number }[] }[];
      return new Set(links.flatMap(({ addr_info = [] }) => addr_info.flatMap(({ local, metric }) => (local !== undefined && metric === MARK ? [local] : []))));
    },
    add: (all, signal) => each('add', all, ['metric', String(MARK)], signal),
    remove: (all, signal) => each('del', all, [], signal),
  };
} // prettier-ignore
