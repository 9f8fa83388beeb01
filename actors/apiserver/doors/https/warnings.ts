/** Source: apiserver pkg/endpoints/filters/warning.go. */
const TOTAL_CHARACTERS = 4096;
/** Of each, once all together are longer than that. */
const ITEM_CHARACTERS = 256;

/** Adds a Warning header for each text, but none twice; when they are too long together, their beginnings. */
export function addWarnings(headers: string[], warnings: readonly string[]): void {
  if (warnings.length === 0) return;
  const texts = [...new Set(warnings)].filter((text) => text !== '' && !CONTROL.test(text)).map((text) => [...text]);
  const total = texts.reduce((sum, { length }) => sum + length, 0);
  const truncating = total > TOTAL_CHARACTERS;
  let written = 0;
  for (const text of texts) {
    if (truncating && written >= TOTAL_CHARACTERS) return;
    const shown = truncating ? text.slice(0, ITEM_CHARACTERS) : text;
    written += shown.length;
    headers.push('Warning', `299 - "${bytesOf(shown.map(quoted).join(''))}"`);
  }
}
const CONTROL = /\p{Cc}/u;
const quoted = (c: string): string => (c === '"' || c === '\\' ? `\\${c}` : c);
/** Headers are written as Latin-1: each byte of the UTF-8 text is a character of its own. */
const bytesOf = (text: string): string => (ASCII.test(text) ? text : Buffer.from(text).toString('latin1'));
const ASCII = /^[ -~]*$/;
