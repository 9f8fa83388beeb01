import type { Token } from './lexer.ts';

/** How deep an expression may nest, and how many parts its macros may come to. */
const DEEPEST = 250;
const LARGEST = 250_000;

/** Not by the grammar: another reader says what and where. */
export class NotGrammatical extends Error {}
/** An expression that no reader goes on with. */
export class TooLarge extends Error {
  /** How far it was read. */
  readonly at: number;

  constructor(message: string, at = Infinity) {
    super(message);
    this.at = at;
  }
}

/** What a parser reads tokens with; what it has read is bounded in depth and in parts. */
export class TokenReader {
  readonly #tokens: readonly Token[];
  #next = 0;
  #lastId = 0;
  #nesting = 0;
  /** How deep what was read last is, counted as cel-go counts. */
  protected depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }
  id(): number {
    this.#lastId += 1;
    if (this.#lastId > LARGEST) throw new TooLarge('expression has too many parts once its macros are expanded');
    return this.#lastId;
  }
  peek(ahead = 0): Token {
    return this.#tokens[Math.min(this.#next + ahead, this.#tokens.length - 1)]!;
  }
  protected take(): Token {
    const token = this.peek();
    this.#next += 1;
    return token;
  }
  protected expect(kind: string): Token {
    if (this.peek().kind !== kind) throw new NotGrammatical();
    return this.take();
  }
  protected accept(kind: string): Token | undefined {
    return this.peek().kind === kind ? this.take() : undefined;
  }
  protected deeper(depth: number): void {
    if (depth > DEEPEST) throw new TooLarge('max recursion depth exceeded');
    this.depth = depth;
  }
  protected skip(count: number): void {
    this.#next += count;
  }
  /** Into an expression within one. */
  protected enter(): void {
    this.#nesting += 1;
    if (this.#nesting > DEEPEST) throw new TooLarge(`expression recursion limit exceeded: ${DEEPEST}`, this.peek().at);
  }
  protected leave(): void {
    this.#nesting -= 1;
  }
}
