import { describe, expect, it } from 'vitest';
import { bearerToken, webSocketToken } from './bearer.ts';

// What kube-apiserver takes for a token, and what not.
it.each([
  ['Bearer t', 't'],
  ['bearer t', 't'],
  [' BEARER t x', 't'],
  ['Bearer  t', undefined],
  ['Bearer', undefined],
  ['Bearer ', undefined],
  ['Bearer\tt', undefined],
  ['Basic YTpi', undefined],
  [undefined, undefined],
])('%j shows %j', (header, token) => {
  expect(bearerToken(header)).toBe(token);
});
describe('a WebSocket', () => {
  const shown = (text: string): string => `base64url.bearer.authorization.k8s.io.${Buffer.from(text).toString('base64url')}`; // prettier-ignore
  it('shows a token as a protocol, which the others do not tell', () => {
    expect(webSocketToken(`${shown('t')}, v5.channel.k8s.io,v4.channel.k8s.io`)).toEqual({
      token: 't',
      protocols: 'v5.channel.k8s.io,v4.channel.k8s.io',
    });
    expect(webSocketToken('v5.channel.k8s.io')).toBeUndefined();
    expect(webSocketToken(undefined)).toBeUndefined();
  });
  it.each([shown('t'), `${shown('t')}, ${shown('t')}, x`, 'base64url.bearer.authorization.k8s.io.!!, x', 'base64url.bearer.authorization.k8s.io._w, x'])(
    'with %s is nobody',
    (header) => {
      expect(() => webSocketToken(header)).toThrow('Unauthorized');
    },
  ); // prettier-ignore
});
