/**
 * JSON as Go prints it: what HTML might mistake for its own is escaped. The same to every reader, but not the same bytes.
 * Source: encoding/json appendString with escapeHTML.
 */
export function goJson(value: unknown): string {
  const text = JSON.stringify(value);
  return SPECIAL.test(text) ? text.replace(SPECIALS, escaped) : text;
}
/** The same, indented by two spaces; what readers get who ask for `pretty`. */
export function prettyJson(value: unknown): string {
  const text = JSON.stringify(value, null, 2);
  return SPECIAL.test(text) ? text.replace(SPECIALS, escaped) : text;
}
const SPECIAL = /[<>&\u2028\u2029]/;
const SPECIALS = /[<>&\u2028\u2029]/g;
const escaped = (c: string): string => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`;
