import { join } from 'node:path';
import { authority, DAY_MS, issue } from './issue.ts';
import { isGood, writerTo } from './kept.ts';

/**
 * How API servers prove to extension API servers that they speak for a user: `front-proxy-ca`, an authority of its own, since
 * whoever has a certificate of it may be anyone, and `front-proxy-client`, in the `dir` of `ensurePki`. Made if missing or
 * damaged, renewed if less than 30 days of life are left.
 */
export async function ensureFrontProxy(dir: string, now: number): Promise<void> {
  const file = (name: string): string => join(dir, name);
  if (isGood(file('front-proxy-client.crt'), file('front-proxy-client.key'), file('front-proxy-ca.crt'), [], now))
    return;
  const { x509 } = await import('./x509-library.ts');
  const write = writerTo(dir);
  const ca = await authority(x509, dir, now, write, 'front-proxy-ca', 'CN=front-proxy-ca');
  const client = await issue(x509, ca, 'CN=front-proxy-client', now, now + 365 * DAY_MS, [
    new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]),
  ]);
  write('front-proxy-client.key', client.key);
  write('front-proxy-client.crt', client.cert);
}
