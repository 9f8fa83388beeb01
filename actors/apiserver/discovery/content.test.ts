import { expect, it } from 'vitest';
import { serveContent } from './content.ts';

const TEXT = '{"paths":{}}';
const served = (headers: Record<string, string>): [number, string, string | undefined] => {
  const all = { ETag: '"a"', 'Content-Type': 'text/plain' };
  const answer = serveContent({ headers }, '"a"', all, () => Buffer.from(TEXT));
  return [answer.code, Buffer.from(answer.body as Uint8Array).toString(), answer.headers!['Content-Range']];
};
// As net/http answers them, but for several ranges.
it.each<[Record<string, string>, [number, string, string | undefined]]>([
  [{}, [200, TEXT, undefined]],
  [{ range: 'bytes=0-3' }, [206, '{"pa', 'bytes 0-3/12']],
  [{ range: 'bytes=10-' }, [206, '}}', 'bytes 10-11/12']],
  [{ range: 'bytes=10-99' }, [206, '}}', 'bytes 10-11/12']],
  [{ range: 'bytes=-2' }, [206, '}}', 'bytes 10-11/12']],
  [{ range: 'bytes=-99' }, [206, TEXT, 'bytes 0-11/12']],
  [{ range: 'bytes=12-' }, [416, 'invalid range: failed to overlap\n', 'bytes */12']],
  [{ range: 'bytes=5-1' }, [416, 'invalid range\n', undefined]],
  [{ range: 'x' }, [416, 'invalid range\n', undefined]],
  [{ range: 'bytes=0-1,3-4' }, [200, TEXT, undefined]],
  [{ range: 'bytes=0-3', 'if-range': '"b"' }, [200, TEXT, undefined]],
  [{ range: 'bytes=0-3', 'if-range': '"a"' }, [206, '{"pa', 'bytes 0-3/12']],
  [{ 'if-match': '"b"' }, [412, '', undefined]],
  [{ 'if-match': '"b", "a"' }, [200, TEXT, undefined]],
  [{ 'if-none-match': '"a"' }, [304, '', undefined]],
  [{ 'if-none-match': 'W/"a"' }, [304, '', undefined]],
  [{ 'if-none-match': '*' }, [304, '', undefined]],
  [{ 'if-none-match': '"b"' }, [200, TEXT, undefined]],
])('%j is answered %j', (headers, expected) => {
  expect(served(headers)).toEqual(expected);
});
