import type { PathAnswer, PathRequest } from '../request.ts';

const PLAIN = { 'Content-Type': 'text/plain; charset=utf-8', 'X-Content-Type-Options': 'nosniff' };
type Range = { readonly from: number; readonly to: number } | 'beyond' | 'unreadable' | undefined;

/**
 * A document with a tag: whole, a part of it, or that it is as the client knows it. Of several parts at once all is sent, as
 * HTTP allows. Source: net/http ServeContent.
 */
export function serveContent(
  { headers: asked }: Pick<PathRequest, 'headers'>,
  etag: string,
  headers: Readonly<Record<string, string>>,
  content: () => Uint8Array,
): PathAnswer {
  const { 'Content-Type': _type, ...untyped } = headers;
  const none = { ...untyped, 'Content-Type': '' };
  const [match, noneMatch, range, ifRange] = ['if-match', 'if-none-match', 'range', 'if-range'].map(
    (name) => asked[name] as string | undefined,
  );
  if (match !== undefined && !names(match, etag)) return { code: 412, headers: none, body: '' };
  if (noneMatch !== undefined && names(noneMatch.replaceAll(/\bW\//g, ''), etag))
    return { code: 304, headers: none, body: '' };
  const body = content();
  const whole = { code: 200, headers: { ...headers, 'Accept-Ranges': 'bytes' }, body };
  if (range === undefined || (ifRange !== undefined && ifRange !== etag)) return whole;
  const part = rangeOf(range, body.length);
  if (part === undefined) return whole;
  if (part === 'unreadable') return { code: 416, headers: PLAIN, body: 'invalid range\n' };
  if (part === 'beyond')
    return {
      code: 416,
      headers: { ...PLAIN, 'Content-Range': `bytes */${body.length}` },
      body: 'invalid range: failed to overlap\n',
    };
  return {
    code: 206,
    headers: { ...whole.headers, 'Content-Range': `bytes ${part.from}-${part.to}/${body.length}` },
    body: body.subarray(part.from, part.to + 1),
  };
}
const names = (list: string, etag: string): boolean =>
  list.split(',').some((tag) => tag.trim() === '*' || tag.trim() === etag);
/** undefined: several, or nothing that is asked for. */
function rangeOf(text: string, size: number): Range {
  if (text === '') return undefined;
  const parts = /^bytes=(.*)$/.exec(text)?.[1]?.split(',');
  if (parts === undefined) return 'unreadable';
  const found: Range[] = [];
  for (const part of parts) {
    const m = /^\s*(\d*)\s*-\s*(\d*)\s*$/.exec(part);
    if (m === null || (m[1] === '' && m[2] === '')) return 'unreadable';
    const last = size - 1;
    if (m[1] === '') {
      found.push({ from: Math.max(0, size - Number(m[2])), to: last });
      continue;
    }
    const from = Number(m[1]);
    if (m[2] !== '' && Number(m[2]) < from) return 'unreadable';
    found.push(from > last ? 'beyond' : { from, to: m[2] === '' ? last : Math.min(Number(m[2]), last) });
  }
  return found.length === 1 ? found[0] : undefined;
}
