import { JsonSyntaxError, parseJson } from './json.ts';

/** What JSON allows and YAML reads otherwise or refuses: tabs, halves of characters, line ends in strings, merge keys. */
// oxlint-disable-next-line no-control-regex
const DOUBTFUL = /[\t\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]|\\u[dD][89a-fA-F]|"<<"/;
const BRACE = 0x7b;

/**
 * The value of a YAML body that is JSON, as clients write it, in a tenth of the time that a YAML parser needs.
 * undefined: it is not, or the two might differ, be it in an error.
 */
export function jsonInYaml(body: Uint8Array): object | undefined {
  if (body[0] !== BRACE || DOUBTFUL.test(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString()))
    return undefined;
  try {
    const { value, duplicates } = parseJson(body);
    return duplicates.length > 0 ? undefined : (value as object);
  } catch (error) {
    if (error instanceof JsonSyntaxError) return undefined;
    throw error;
  }
}
