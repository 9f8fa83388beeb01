import { join } from 'node:path';
import { authority, DAY_MS, hostNames, issue } from './issue.ts';
import { isGood, writerTo } from './kept.ts';

/**
 * What the store's etcd door needs, in `<dir>/etcd`: an authority of its own, since whoever shows a certificate of it may
 * read and write everything (`ca`), the door's certificate (`server`) and one for clients (`client`). Made if missing or
 * damaged, renewed if less than 30 days of life are left or a host is not in it.
 */
export async function ensureEtcdPki(dir: string, others: readonly string[], now: number): Promise<void> {
  const folder = join(dir, 'etcd');
  const hosts = [...new Set([...others, 'localhost', '127.0.0.1', '::1'])];
  const file = (name: string): string => join(folder, name);
  const good = (name: string, names: readonly string[]): boolean =>
    isGood(file(`${name}.crt`), file(`${name}.key`), file('ca.crt'), names, now);
  if (good('server', hosts) && good('client', [])) return;
  const { x509 } = await import('./x509-library.ts');
  const { clientAuth, serverAuth } = x509.ExtendedKeyUsage;
  const write = writerTo(folder);
  const ca = await authority(x509, folder, now, write, 'ca', 'CN=etcd-ca');
  const until = now + 365 * DAY_MS;
  const server = await issue(x509, ca, 'CN=etcd', now, until, [
    hostNames(x509, hosts),
    new x509.ExtendedKeyUsageExtension([serverAuth, clientAuth]),
  ]);
  const client = await issue(x509, ca, 'CN=etcd-client', now, until, [
    new x509.ExtendedKeyUsageExtension([clientAuth]),
  ]);
  for (const [name, { cert, key }] of Object.entries({ server, client })) {
    write(`${name}.key`, key);
    write(`${name}.crt`, cert);
  }
}
