import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { NodeProof } from '../credentials.ts';
import { proofOf, readProof, type Connecting } from './certificate-proof.ts';
import { selfSigned } from './testing/certificate.ts';

const CONNECTING: Connecting = { nonce: 'FRGN4xJzAnL2EhE', key: 'UAAA', node: 'worker-1' };
let proof: NodeProof;
const proofBy = (certificate: Uint8Array, key: KeyObject): NodeProof => ({ certificate, sign: (text) => sign('sha256', Buffer.from(text), key) }); // prettier-ignore
beforeAll(async () => {
  const { certificate, key } = await selfSigned();
  proof = proofBy(certificate, key);
});

describe('the proof of a certificate', () => {
  it('is good for the connection that it was made for', () => {
    expect(readProof(proofOf(proof, CONNECTING), CONNECTING)).toEqual({ certificate: Buffer.from(proof.certificate) });
    expect(readProof('', CONNECTING)).toBeUndefined();
  });
  it.each<[keyof Connecting, string]>([
    ['nonce', 'another'],
    ['key', 'UBBB'],
    ['node', 'worker-2'],
  ])('is good for no connection with another %s', (field, other) => {
    expect(readProof(proofOf(proof, CONNECTING), { ...CONNECTING, [field]: other })).toHaveProperty('problem');
    // Nor where what is said of one lies in another's place.
    expect(readProof(proofOf(proof, { ...CONNECTING, nonce: `${CONNECTING.nonce}\nUAAA`, key: 'worker-1', node: '' }), CONNECTING)).toHaveProperty('problem'); // prettier-ignore
  });
  it('by another key than the certificate’s is none', () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    expect(readProof(proofOf(proofBy(proof.certificate, privateKey), CONNECTING), CONNECTING)).toEqual({ problem: 'it does not hold the key of the certificate that it showed' }); // prettier-ignore
  });
  it('property: nothing else proves anything, and nothing throws', () => {
    const good = proofOf(proof, CONNECTING);
    const spoilt = fc.tuple(fc.nat(good.length - 1), fc.string({ minLength: 1, maxLength: 3 })).map(([at, text]) => good.slice(0, at) + text); // prettier-ignore
    fc.assert(
      fc.property(fc.oneof(fc.string({ minLength: 1 }), spoilt, fc.constant(`${good}.x`), fc.constant(good.padEnd(4_000, 'A'))), (text) => {
        fc.pre(text !== good);
        expect(readProof(text, CONNECTING)).toHaveProperty('problem');
      }),
    ); // prettier-ignore
  });
});
