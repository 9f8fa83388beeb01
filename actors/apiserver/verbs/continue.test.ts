import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { statusOf } from '../../../schemas/meta/status.ts';
import { decodeContinue, encodeContinue } from './continue.ts';

const PREFIX = '/registry/configmaps/ns/';
const token = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const refusal = (text: string): unknown => {
  try {
    return decodeContinue(text, PREFIX);
  } catch (error) {
    return statusOf(error)?.message?.replace('invalid continue token: continue key is not valid: ', '');
  }
};
it('reads what it wrote', () => {
  const name = fc.stringMatching(/^[a-z0-9]([-a-z0-9.]{0,20}[a-z0-9])?$/).filter((n) => !n.includes('..'));
  fc.assert(
    fc.property(name, fc.integer({ min: 1 }), (n, revision) => {
      const read = decodeContinue(encodeContinue(PREFIX, PREFIX + n, revision), PREFIX);
      expect(read).toEqual({ revision, start: `${PREFIX}${n}\0` });
    }),
  );
});
it('never leaves its prefix, nor fails otherwise than as a bad request', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json().map((j) => Buffer.from(j).toString('base64url')), fc.record({ v: fc.constant('meta.k8s.io/v1'), rv: fc.integer(), start: fc.string() }).map(token)), (text) => {
      const read = refusal(text);
      if (typeof read === 'object') expect((read as { start: string }).start.startsWith(PREFIX)).toBe(true);
      else expect(typeof read).toBe('string');
    }),
  ); // prettier-ignore
});
it.each<[string, unknown]>([
  ['x', 'illegal base64 data at input byte 0'],
  ['a b', 'illegal base64 data at input byte 1'],
  ['', 'unexpected end of JSON input'],
  [token([]), 'json: cannot unmarshal array into Go value of type storage.continueToken'],
  [token({ v: 5 }), 'json: cannot unmarshal number into Go struct field continueToken.v of type string'],
  [token({ v: 'meta.k8s.io/v1', rv: 1.5 }), 'json: cannot unmarshal number 1.5 into Go struct field continueToken.rv of type int64'],
  [token({ v: 'v2' }), 'server does not recognize this encoded version v2'],
  [token({ v: 'meta.k8s.io/v1', start: 'a' }), 'incorrect encoded start resourceVersion (version meta.k8s.io/v1)'],
  [token({ v: 'meta.k8s.io/v1', rv: 1 }), 'encoded start key empty (version meta.k8s.io/v1)'],
  [token({ v: 'meta.k8s.io/v1', rv: 1, start: '../x' }), '../x'],
])('refuses %j', (text, why) => expect(refusal(text)).toBe(why)); // prettier-ignore
