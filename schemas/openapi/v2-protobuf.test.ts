import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { encodeOpenApiV2 } from './v2-protobuf.ts';

/** Parts of a real server's document, in both encodings. */
const REAL = JSON.parse(readFileSync(join(import.meta.dirname, 'testdata/v2-protobuf.json'), 'utf8')) as readonly {
  readonly part: string;
  readonly name: string;
  readonly json: object;
  readonly base64: string;
}[];
const latin = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');

describe('an OpenAPI v2 document in protobuf', () => {
  it.each(REAL)('has the bytes of the real one: $part $name', ({ part, name, json, base64 }) => {
    const encoded = latin(encodeOpenApiV2({ [part]: { [name]: json } }));
    const real = latin(Buffer.from(base64, 'base64'));
    // Around it are the part's and the entry's number and length.
    expect(encoded.endsWith(real)).toBe(true);
    expect(encoded.length - real.length).toBeLessThanOrEqual(6);
  });
  it('tells kinds of parameters apart', () => {
    const parameters = [
      { in: 'query', name: 'q', type: 'string' },
      { in: 'path', name: 'p', required: true, type: 'string' },
      { in: 'header', name: 'h', type: 'string' },
      { $ref: '#/parameters/x' },
    ];
    expect(latin(encodeOpenApiV2({ paths: { '/a': { parameters } } }))).toBe(
      'Bl\x12j\n\x02/a\x12dJ\x18\n\x16\x12\x14\x1a\x12\x12\x05query"\x01q2\x06stringJ\x19\n\x17\x12\x15"\x13\x08\x01\x12\x04path"\x01p*\x06stringJ\x19\n\x17\x12\x15\n\x13\x12\x06header"\x01h*\x06stringJ\x12\x12\x10\n\x0e#/parameters/x',
    );
  });
});
