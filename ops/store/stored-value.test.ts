import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encode } from '../../bus/codec.ts';
import { encodeObject, envelope } from '../../schemas/codec/protobuf-envelope.ts';
import { readStored } from './stored-value.ts';

const read = (value: Uint8Array) => readStored({ value, modRevision: 7 });
const bytes = (text: string): Buffer => Buffer.from(text);
const SECRET = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's', namespace: 'd' }, data: { a: 'Yg==' }, type: 'Opaque' }; // prettier-ignore
const SEEN = { object: { ...SECRET, metadata: { ...SECRET.metadata, resourceVersion: '7' } } };
const WIDGET = { apiVersion: 'x.org/v1', kind: 'Widget', metadata: { name: 'w' }, spec: { n: 0, empty: '' } };

describe('a stored value', () => {
  it.each<[string, Uint8Array, unknown]>([
    ['of Kubus', encode(SECRET), SEEN],
    ['of Kubus, that is no object', encode({ ttl: 5 }), { object: { ttl: 5 } }],
    ['of a stock kube-apiserver, without the zeroes of protobuf', encodeObject('io.k8s.api.core.v1.Secret', 'v1', 'Secret', SECRET), SEEN],
    ['of a custom kind', bytes(`${JSON.stringify(WIDGET)}\n`), { object: { ...WIDGET, metadata: { name: 'w', resourceVersion: '7' } } }],
    ['that is text', bytes('héllo'), { text: 'héllo' }],
    ['that looks like JSON', bytes('{no'), { text: '{no' }],
    ['that is a number', bytes('1234'), { text: '1234' }],
    ['that is empty', bytes(''), { text: '' }],
    ['that is nothing known', Buffer.from([255, 0, 1]), { base64: '/wAB' }],
    ['encrypted', Buffer.concat([bytes('k8s:enc:aescbc:v1:key1:'), Buffer.from([255, 1])]), { encrypted: { provider: 'aescbc', key: 'key1' } }],
    ['encrypted by a plugin', bytes('k8s:enc:kms:v2:vault:xx'), { encrypted: { provider: 'kms', key: 'vault' } }],
  ])('%s', (_, value, seen) => expect(read(value)).toEqual(seen)); // prettier-ignore
  it('of a kind that this kubus does not know is told as such', () => {
    const value = envelope('example.org/v9', 'Thing', Buffer.from([8, 1]));
    expect(read(value)).toEqual({ base64: value.toString('base64'), problem: 'Thing of example.org/v9 is not known to this kubus' }); // prettier-ignore
  });
  it('that is cut off is told as such', () => {
    const whole = encodeObject('io.k8s.api.core.v1.Secret', 'v1', 'Secret', SECRET);
    expect(read(whole.subarray(0, 20))).toMatchObject({ problem: expect.any(String) as string });
  });
  it('of any bytes is one of these, and never throws', () => {
    const heads = ['', 'k8s\0', 'k8s:enc:', '{'].map(bytes);
    fc.assert(
      fc.property(fc.constantFrom(...heads), fc.uint8Array({ maxLength: 60 }), (head, tail) => {
        const seen = Object.keys(read(Buffer.concat([head, tail])));
        expect(['object', 'text', 'encrypted', 'base64']).toContain(seen[0]);
      }),
    );
  });
});
