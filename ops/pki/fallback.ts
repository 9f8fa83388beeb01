import { join } from 'node:path';
import { DAY_MS, hostNames, selfSigned } from './issue.ts';
import { isGood, writerTo } from './kept.ts';

/** Nobody is to believe it: it vouches for no name that anybody has. */
const HOST = 'ingress.kubus.invalid';

/**
 * What the ingress controller shows to whom no certificate of an Ingress is for: signed by itself, `ingress.crt` and
 * `ingress.key` in `dir`; made if missing or damaged, made anew if less than 30 days of life are left.
 */
export async function ensureFallback(dir: string, now: number): Promise<void> {
  const file = (ending: string): string => join(dir, `ingress.${ending}`);
  if (isGood(file('crt'), file('key'), file('crt'), [HOST], now)) return;
  const { x509 } = await import('./x509-library.ts');
  const write = writerTo(dir);
  const { cert, key } = await selfSigned(x509, 'CN=Kubus Ingress Fake Certificate', now, now + 365 * DAY_MS, [
    hostNames(x509, [HOST]),
  ]);
  write('ingress.key', key);
  write('ingress.crt', cert);
}
