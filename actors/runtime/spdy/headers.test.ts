import { constants, createDeflate, deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DICTIONARY } from './dictionary.ts';
import { HeaderReader, HeaderWriter, SpdyError } from './headers.ts';

const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,20}$/);
const block = (...texts: readonly string[]): Buffer =>
  Buffer.concat([
    words(texts.length / 2),
    ...texts.flatMap((text) => [words(Buffer.byteLength(text)), Buffer.from(text)]),
  ]);
function words(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
/** As the peers of Kubernetes compress: one stream for all, flushed after each block. */
function peer(): (plain: Buffer) => Promise<Buffer> {
  const deflate = createDeflate({ dictionary: DICTIONARY, level: 9 });
  return (plain) =>
    new Promise((resolve) => {
      const out: Buffer[] = [];
      const take = (chunk: Buffer): void => void out.push(chunk);
      deflate.on('data', take);
      deflate.write(plain);
      deflate.flush(constants.Z_SYNC_FLUSH, () => {
        deflate.off('data', take);
        resolve(Buffer.concat(out));
      });
    });
}

describe('headers of SPDY', () => {
  it('are read as a peer compresses them, block after block', async () => {
    const [compress, reader] = [peer(), new HeaderReader()];
    for (const type of ['error', 'stdin', 'stdout'])
      expect(await reader.read(await compress(block('streamtype', type)))).toEqual(new Map([['streamtype', type]]));
    reader.close();
  });
  it('are read as we write them', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.dictionary(name, fc.string({ maxLength: 50 })), { maxLength: 5 }), async (all) => {
        const [writer, reader] = [new HeaderWriter(), new HeaderReader()];
        for (const headers of all)
          expect(await reader.read(writer.write(headers))).toEqual(new Map(Object.entries(headers)));
        reader.close();
      }),
      { numRuns: 40 },
    );
  });
  it.each([
    ['what is not compressed', Buffer.from('nonsense')],
    ['a bomb', deflateSync(Buffer.alloc(8 * 1024 * 1024), { dictionary: DICTIONARY })],
    ['a block that is cut off', deflateSync(block('a', 'b').subarray(0, 9), { dictionary: DICTIONARY })],
    ['more headers than there are', deflateSync(Buffer.of(0, 0, 3, 0), { dictionary: DICTIONARY })],
    ['a name in capitals', deflateSync(block('A', 'b'), { dictionary: DICTIONARY })],
    ['a name twice', deflateSync(block('a', 'b', 'a', 'c'), { dictionary: DICTIONARY })],
    ['something after them', deflateSync(Buffer.concat([block('a', 'b'), Buffer.of(0)]), { dictionary: DICTIONARY })],
  ])('refuse %s', async (_, bytes) => {
    await expect(new HeaderReader().read(bytes)).rejects.toThrow(SpdyError);
  });
});
