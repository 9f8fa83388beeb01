import type { Cell } from '../cluster/cluster.ts';
import { HEADER_BYTES } from '../wire/codes.ts';
import { encode, type Encoded } from '../wire/encode.ts';
import { nameOf, type Query } from '../wire/query.ts';
import type { DnsRecord, Answer } from '../wire/record.ts';
import type { Name } from '../wire/name.ts';
import { resolve, type Authority } from './resolve.ts';

/** Anybody can ask for any number of names. */
const MAX_KEPT = 10_000;

interface Kept {
  readonly encoded: Encoded;
  readonly cell: Cell;
  readonly version: number;
  readonly spaces: number;
}
export type Local =
  Encoded | 'elsewhere' | { readonly records: readonly DnsRecord[]; readonly target: Name; readonly denial: Answer };

/**
 * The cluster's own answers as bytes. One is kept for each question until what it was made of changes: then it costs a
 * lookup and a copy.
 */
export class Answers {
  readonly #kept = new Map<string, Kept>();
  readonly #on: Authority;
  readonly #recursion: boolean;
  /** `recursion`: names of others are answered, too. */
  constructor(on: Authority, recursion: boolean) {
    this.#on = on;
    this.#recursion = recursion;
  }
  get size(): number {
    return this.#kept.size;
  }
  of(query: Query): Local {
    const { spaces } = this.#on.cluster;
    const kept = this.#kept.get(query.key);
    if (kept !== undefined && kept.version === kept.cell.version && kept.spaces === spaces.version) return kept.encoded;
    const resolved = resolve(nameOf(query.key), query.type, this.#on);
    if (resolved.kind === 'elsewhere') return 'elsewhere';
    if (resolved.kind === 'alias') return resolved;
    const question = query.packet.subarray(HEADER_BYTES, query.questionEnd);
    const encoded = encode(question, resolved.answer, this.#recursion);
    const { cell } = resolved;
    if (kept === undefined && this.#kept.size >= MAX_KEPT) for (const key of this.#kept.keys()) {
      this.#kept.delete(key);
      break;
    } // prettier-ignore
    this.#kept.set(query.key, { encoded, cell, version: cell.version, spaces: spaces.version });
    return encoded;
  }
}
