import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DAY_MS, hostNames, selfSigned } from './issue.ts';
import { isGood, writerTo } from './kept.ts';

/** Nobody is to believe it: it vouches for no name that anybody has. */
const HOST = 'ingress.kubus.invalid';

/**
 * PEM of what the ingress controller shows to whom no certificate of an Ingress is for: signed by itself, kept as
 * `ingress.crt` and `ingress.key` in `dir` where that can be written; made anew if less than 30 days of life are left.
 */
export async function fallbackCertificate(dir: string, now: number): Promise<{ cert: string; key: string }> {
  const file = (ending: string): string => join(dir, `ingress.${ending}`);
  if (isGood(file('crt'), file('key'), file('crt'), [HOST], now))
    return { cert: readFileSync(file('crt'), 'utf8'), key: readFileSync(file('key'), 'utf8') };
  const { x509 } = await import('./x509-library.ts');
  const made = await selfSigned(x509, 'CN=Kubus Ingress Fake Certificate', now, now + 365 * DAY_MS, [
    hostNames(x509, [HOST]),
  ]);
  try {
    const write = writerTo(dir);
    write('ingress.key', made.key);
    write('ingress.crt', made.cert);
  } catch (error) {
    // A folder that is only read, as of a container: each start has another, which nobody believes either.
    if (!['EROFS', 'EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
  return made;
}
