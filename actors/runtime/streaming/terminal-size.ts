import type { TerminalSize } from '../../../bus/protocol/node.ts';

const MOST_BYTES = 4_096;
const MOST = 65_535;

/** JSON objects one after another, in pieces as they come: `{"Width":80,"Height":24}`. Source: remotecommand handleResizeEvents. */
export class TerminalSizes {
  #text = '';
  #isBroken = false;

  /** The sizes that are complete with this. What is not a size ends it: none is read any more. */
  push(bytes: Uint8Array): TerminalSize[] {
    if (this.#isBroken) return [];
    this.#text += Buffer.from(bytes).toString('latin1');
    const sizes: TerminalSize[] = [];
    for (let end = this.#text.indexOf('}'); end >= 0; end = this.#text.indexOf('}')) {
      const size = parsed(this.#text.slice(0, end + 1));
      this.#text = this.#text.slice(end + 1);
      if (size === undefined) this.#isBroken = true;
      if (this.#isBroken) break;
      sizes.push(size!);
    }
    if (this.#text.length > MOST_BYTES) this.#isBroken = true;
    if (this.#isBroken) this.#text = '';
    return sizes;
  }
}
function parsed(text: string): TerminalSize | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const fields = new Map(Object.entries(value).map(([name, field]) => [name.toLowerCase(), field as unknown]));
  const [width, height] = [fields.get('width') ?? 0, fields.get('height') ?? 0];
  return isSize(width) && isSize(height) ? { width, height } : undefined;
}
const isSize = (value: unknown): value is number => Number.isInteger(value) && (value as number) >= 0 && (value as number) <= MOST; // prettier-ignore
