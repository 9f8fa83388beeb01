import { syntaxError, MAX_DEPTH } from './json-syntax.ts';
import { duplicateFields } from './json-duplicates.ts';

export interface ParsedJson {
  readonly value: unknown;
  /** `duplicate field "metadata.labels.a"`, in the order of the document; the last value counts. */
  readonly duplicates: readonly string[];
}
/** Thrown by the parsers: `message` is the Go decoder's. */
export class JsonSyntaxError extends Error {
  override readonly name = 'JsonSyntaxError';
}
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Text of a body; throws JsonSyntaxError on invalid UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw new JsonSyntaxError('invalid UTF-8 in string', { cause });
  }
}
/**
 * Parses a JSON body and finds members named twice. Throws JsonSyntaxError with Go's text (`unexpected end of JSON
 * input`, `invalid character 'x' looking for beginning of value`, `exceeded max depth`) and on invalid UTF-8.
 */
export function parseJson(body: string | Uint8Array): ParsedJson {
  const text = typeof body === 'string' ? body : decodeUtf8(body);
  const shape = scan(text);
  if (shape.depth > MAX_DEPTH) throw new JsonSyntaxError('exceeded max depth');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new JsonSyntaxError(syntaxError(text) ?? (cause as Error).message, { cause });
  }
  return { value, duplicates: shape.members === countMembers(value) ? [] : duplicateFields(text) };
}
/** Deepest nesting and number of `name: value` pairs in the text; wrong only for text that is no JSON. */
function scan(text: string): { depth: number; members: number } {
  let depth = 0;
  let deepest = 0;
  let members = 0;
  for (let i = 0; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case 0x22: {
        // To the closing quote: one with an even number of backslashes before it.
        let end = i;
        let slashes: number;
        do {
          end = text.indexOf('"', end + 1);
          if (end < 0) return { depth: deepest, members };
          slashes = 0;
          while (text.charCodeAt(end - 1 - slashes) === 0x5c) slashes++;
        } while (slashes % 2 === 1);
        i = end;
        break;
      }
      case 0x7b:
      case 0x5b:
        if (++depth > deepest) deepest = depth;
        break;
      case 0x7d:
      case 0x5d:
        depth--;
        break;
      case 0x3a:
        members++;
        break;
      default:
    }
  }
  return { depth: deepest, members };
}
function countMembers(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  let n = 0;
  if (Array.isArray(value)) {
    for (const item of value) if (typeof item === 'object') n += countMembers(item);
    return n;
  }
  for (const key in value) {
    n++;
    const item = (value as Record<string, unknown>)[key];
    if (typeof item === 'object') n += countMembers(item);
  }
  return n;
}
