import { sign } from 'node:crypto';
import type { NodeProof } from '../../../bus/credentials.ts';
import type { World } from '../../../bus/world.ts';
import { readKeyPair } from './key-pair.ts';
import { pairStore, pkiOf } from './store.ts';

/** The certificate in a kubelet's folder as a proof of who this is; undefined where there is none that is good now. */
export async function readProof(root: string, node: string, { clock, log }: World): Promise<NodeProof | undefined> {
  try {
    const pem = await pairStore(pkiOf(root)).read();
    if (pem === undefined) return undefined;
    const { certificate, key, notAfter } = readKeyPair(pem, node);
    if (clock.now() > notAfter) return undefined;
    return { certificate: certificate.raw, sign: (text) => sign('sha256', Buffer.from(text), key) };
  } catch (error) {
    log.warn('the certificate of the node is of no use', { node, err: error });
    return undefined;
  }
}
