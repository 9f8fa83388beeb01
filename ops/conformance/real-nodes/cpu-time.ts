import { readdirSync, readFileSync } from 'node:fs';

const TICK_MS = 10;
/** Whose time is counted, by how their command lines begin. */
const PARTS: readonly (readonly [name: string, is: RegExp])[] = [
  ['containerd', /^containerd --config \/run\/kubus-node\/containerd.toml/],
  ['node agent', /process --spec/],
  ['control plane', / up --name /],
  ['nats-server', /nats-server/],
];

/** ms of processor time that each part of a cluster on this machine has used so far; children that have ended left out. */
export function cpuTimes(): Map<string, number> {
  const times = new Map<string, number>();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name)))
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      const part = PARTS.find(([, is]) => is.test(command))?.[0];
      if (part === undefined) continue;
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
        .replace(/^.*\) /s, '')
        .split(' ');
      times.set(part, (times.get(part) ?? 0) + (Number(fields[11]) + Number(fields[12])) * TICK_MS);
    } catch {
      // It has ended.
    }
  return times;
}
