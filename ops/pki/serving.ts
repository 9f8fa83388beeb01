import { join } from 'node:path';
import { authority, DAY_MS, hostNames, issue } from './issue.ts';
import { isGood, writerTo } from './kept.ts';

/**
 * A serving certificate of the cluster's authority for a door that is not the API server's, as `<name>.crt` and `.key` in the
 * `dir` of `ensurePki`; made if missing or damaged, renewed if less than 30 days of life are left or a host is not in it.
 */
export async function ensureServing(dir: string, name: string, hosts: readonly string[], now: number): Promise<void> {
  const file = (ending: string): string => join(dir, `${name}.${ending}`);
  if (isGood(file('crt'), file('key'), join(dir, 'ca.crt'), hosts, now)) return;
  const { x509 } = await import('./x509-library.ts');
  const write = writerTo(dir);
  const ca = await authority(x509, dir, now, write);
  const { cert, key } = await issue(x509, ca, `CN=${name}`, now, now + 365 * DAY_MS, [
    hostNames(x509, hosts),
    new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
  ]);
  write(`${name}.key`, key);
  write(`${name}.crt`, cert);
}
