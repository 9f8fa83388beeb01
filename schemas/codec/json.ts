import { KEPT_DEPTH, MAX_DEPTH, syntaxError } from './json-syntax.ts';
import { duplicateFields } from './json-duplicates.ts';
import { parseSpelled } from './json-numbers.ts';
import { replacedText, wellFormedText } from './utf8.ts';

export interface ParsedJson {
  readonly value: unknown;
  /** `duplicate field "metadata.labels.a"`, in the order of the document; the last value counts. */
  readonly duplicates: readonly string[];
  /** Nested deeper than may be kept: see assertKept(). */
  readonly deep?: boolean;
  /** Of a text with numbers that have a point or an exponent: the value as parseSpelled() reads it. */
  readonly spelled?: () => unknown;
}
/** Thrown by the parsers: `message` is the Go decoder's. */
export class JsonSyntaxError extends Error {
  override readonly name = 'JsonSyntaxError';
}

/**
 * Parses a JSON body and finds members named twice; what is no Unicode in strings becomes U+FFFD. Throws JsonSyntaxError
 * with Go's text (`unexpected end of JSON input`, `invalid character 'x' looking for beginning of value`, `invalid
 * character '[' exceeded max depth`). `maxDepth`: nesting beyond it is refused.
 */
export function parseJson(body: string | Uint8Array, maxDepth = KEPT_DEPTH): ParsedJson {
  const intact = typeof body === 'string' ? body : wellFormedText(body);
  const text = withoutLoneSurrogates(intact ?? replacedText(body as Uint8Array));
  const shape = scan(text, maxDepth);
  if (shape.beyond !== undefined) throw new JsonSyntaxError(`invalid character '${shape.beyond}' exceeded max depth`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    const bytes = typeof body === 'string' ? Buffer.from(body) : body;
    throw new JsonSyntaxError(syntaxError(bytes) ?? (cause as Error).message, { cause });
  }
  const more = {
    ...(shape.depth > KEPT_DEPTH && { deep: true }),
    ...(shape.fractions && { spelled: () => parseSpelled(text) }),
  };
  if (shape.members === countMembers(value)) return { value, duplicates: [], ...more };
  try {
    return { value, duplicates: duplicateFields(text), ...more };
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new JsonSyntaxError(`exceeded max depth`, { cause });
  }
}
/** parseJson() as deep as the real server goes: who keeps the value sees to it that it is not too deep. */
export const parseDeepJson = (body: string | Uint8Array): ParsedJson => parseJson(body, MAX_DEPTH);

/** Throws JsonSyntaxError for a value that is nested too deep to be kept; `more` levels than usual may be. */
export function assertKept(value: unknown, more = 0): void {
  if (isTooDeep(value, KEPT_DEPTH + 1 + more))
    throw new JsonSyntaxError(`exceeded max depth of ${KEPT_DEPTH + 1} for what is kept`);
}
/** Whether a value is nested too deep to be kept. Goes no deeper than that, however deep the value is. */
export function isTooDeep(value: unknown, left = KEPT_DEPTH + 1): boolean {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return false;
  if (left === 0) return true;
  if (Array.isArray(value)) return value.some((item) => isTooDeep(item, left - 1));
  for (const key in value) if (isTooDeep((value as Record<string, unknown>)[key], left - 1)) return true;
  return false;
}
/** `\ud800` without its other half, as U+FFFD. */
function withoutLoneSurrogates(text: string): string {
  if (!/\\u[dD][89a-fA-F]/.test(text)) return text;
  const pair = String.raw`u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}`;
  const escapes = new RegExp(String.raw`\\(?:${pair}|u[dD][89a-fA-F][\da-fA-F]{2}|[^])`, 'g');
  return text.replace(escapes, (escape) => (escape.length === 6 ? String.raw`\ufffd` : escape));
}
interface Shape {
  readonly depth: number;
  readonly members: number;
  readonly fractions: boolean;
  readonly beyond?: string | undefined;
}
/**
 * Deepest nesting and number of `name: value` pairs in the text, wrong only for text that is no JSON; `beyond` is what
 * opened one level too many.
 */
function scan(text: string, maxDepth: number): Shape {
  let depth = 0;
  let deepest = 0;
  let members = 0;
  let fractions = false;
  for (let i = 0; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case 0x22: {
        // To the closing quote: one with an even number of backslashes before it.
        let end = i;
        let slashes: number;
        do {
          end = text.indexOf('"', end + 1);
          if (end < 0) return { depth: deepest, members, fractions };
          slashes = 0;
          while (text.charCodeAt(end - 1 - slashes) === 0x5c) slashes++;
        } while (slashes % 2 === 1);
        i = end;
        break;
      }
      case 0x7b:
      case 0x5b:
        if (++depth > deepest) deepest = depth;
        if (depth > maxDepth) return { depth, members, fractions, beyond: text[i] };
        break;
      case 0x7d:
      case 0x5d:
        depth--;
        break;
      case 0x3a:
        members++;
        break;
      // Outside of strings a point stands in numbers alone, and so does this letter after a digit.
      case 0x2e:
        fractions = true;
        break;
      case 0x45:
      case 0x65:
        if (text.charCodeAt(i - 1) <= 0x39) fractions = true;
        break;
      default:
    }
  }
  return { depth: deepest, members, fractions };
}
/** Not recursive: the text may be ten thousand levels deep. */
function countMembers(value: unknown): number {
  let n = 0;
  const waiting = [value];
  while (waiting.length > 0) {
    const next = waiting.pop();
    if (typeof next !== 'object' || next === null) continue;
    if (Array.isArray(next)) {
      for (const item of next) if (typeof item === 'object') waiting.push(item);
      continue;
    }
    for (const key in next) {
      n++;
      const item = (next as Record<string, unknown>)[key];
      if (typeof item === 'object') waiting.push(item);
    }
  }
  return n;
}
