import { X509Certificate } from 'node:crypto';
import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pkiOf } from '../certificates/store.ts';
import { selfSigned } from '../certificates/self-signed.ts';

/** What a kubelet shows to who reaches it, PEM. */
export interface ServingPair {
  readonly cert: string;
  /** A secret. */
  readonly key: string;
}
/** Source: kubelet app InitializeTLS. */
export const OWN_FILES = { cert: 'kubelet.crt', key: 'kubelet.key' } as const;
/** Upstream's is used beyond its end. */
const RENEWED_MS = 30 * 24 * 3_600_000;

/**
 * The pair that the node has signed itself, from its folder; another one where that is missing, damaged or about to end.
 * `serials` makes numbers of certificates.
 */
export async function ownPair(root: string, host: string, now: number, serial: () => Uint8Array): Promise<ServingPair> {
  const folder = pkiOf(root);
  const [cert, key] = [join(folder, OWN_FILES.cert), join(folder, OWN_FILES.key)];
  const found = await readPair(cert, key).catch(() => undefined);
  if (found !== undefined && Date.parse(new X509Certificate(found.cert).validTo) - now > RENEWED_MS) return found;
  const made = selfSigned(host, now, [serial(), serial()]);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await write(key, made.key, 0o600);
  await write(cert, made.cert, 0o644);
  return made;
}
/** Rejects with Error: they cannot be read, or do not go together. */
export async function readPair(certFile: string, keyFile: string): Promise<ServingPair> {
  const [cert, key] = await Promise.all([readFile(certFile, 'utf8'), readFile(keyFile, 'utf8')]);
  const { createPrivateKey } = await import('node:crypto');
  if (!new X509Certificate(cert).checkPrivateKey(createPrivateKey(key)))
    throw new Error('private key does not match public key');
  return { cert, key };
}
async function write(file: string, text: string, mode: number): Promise<void> {
  const unfinished = `${file}.tmp`;
  await rm(unfinished, { force: true });
  await writeFile(unfinished, text, { mode, flag: 'wx' });
  await chmod(unfinished, mode);
  await rename(unfinished, file);
}
