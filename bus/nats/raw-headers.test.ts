import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseHeaders, publishedHeaders } from './raw-headers.ts';

/** As nats-core asks for them. */
const written = (values: Record<string, string>): string =>
  Buffer.from((publishedHeaders(values) as unknown as { encode(): Uint8Array }).encode()).toString('latin1');

describe('headers as bytes', () => {
  it('are read as they were written', () => {
    const name = fc.stringMatching(/^[A-Za-z][A-Za-z0-9-]{0,20}$/);
    const value = fc.stringMatching(/^[!-~]([ -~]{0,40}[!-~])?$/);
    fc.assert(
      fc.property(fc.dictionary(name, value), (values) => {
        expect({ ...parseHeaders(written(values)).values }).toEqual({ ...values });
      }),
    );
  });

  it.each(['a\r\nb: c', 'a\n', '\ra'])('are refused with the line break of %j', (value) => {
    expect(() => written({ Name: value })).toThrow('the header Name has a line break in its value');
  });

  it('carry the status of a message without a body', () => {
    expect(parseHeaders('NATS/1.0 503\r\n\r\n')).toMatchObject({ code: 503, description: '' });
    expect(parseHeaders('NATS/1.0 404 No Messages\r\n\r\n')).toMatchObject({ code: 404, description: 'No Messages' });
  });
});
