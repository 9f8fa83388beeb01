import { EOF, type Token } from './lexer.ts';
import type { Issue } from './messages.ts';

/** Kinds of tokens in the order in which they are listed as expected. */
const ORDER = [
  EOF, '==', '!=', 'in', '<', '<=', '>=', '>', '&&', '||', '[', ']', '{', '}', '(', ')', '.', ',', '-', '!', '?', ':', '+',
  '*', '/', '%', 'true', 'false', 'null', 'NUM_FLOAT', 'NUM_INT', 'NUM_UINT', 'STRING', 'BYTES', 'IDENTIFIER',
  'ESC_IDENTIFIER',
]; // prettier-ignore
const PLAIN = /^[A-Z]|^<EOF>$/;
/** With one more the reading ends. */
export const MOST_SYNTAX_ERRORS = 100;
/** After so many tries to go on nothing more is told. */
const MOST_RECOVERIES = 30;
/** Tokens that one such try may skip, and how deep expressions may nest. */
const MOST_SKIPPED = 256;
const DEEPEST = 250;
export const TOO_DEEP = `expression recursion limit exceeded: ${DEEPEST}`;

/** What may come at a place; with `ends` the rule may end there, and what may come after it may come too. */
export interface Next {
  readonly kinds: readonly string[];
  readonly ends: boolean;
}
export const next = (kinds: readonly string[], ends = false): Next => ({ kinds, ends });
export const END = next([], true);
/** What was found is nothing that a rule can go on with; the rule is left. */
export class Unexpected extends Error {
  readonly say: () => void;

  constructor(say: () => void) {
    super();
    this.say = say;
  }
}
export class GivenUp extends Error {}

/** The way of ANTLR's parsers through tokens that do not fit: what is dropped, inserted and skipped, and what is said of it. */
export class Recovery {
  readonly issues: Issue[] = [];
  readonly #source: string;
  readonly #tokens: readonly Token[];
  #at = 0;
  /** What may follow the rules that are under way, outermost first. */
  readonly #follows: Next[] = [];
  #isRecovering = false;
  #recoveries = 0;
  #nesting = 0;
  #lastError: { at: number; rules: Set<string> } | undefined;

  constructor(source: string, tokens: readonly Token[]) {
    this.#source = source;
    this.#tokens = tokens;
  }
  protected token(ahead = 0): Token {
    return this.#tokens[Math.min(this.#at + ahead, this.#tokens.length - 1)]!;
  }
  protected kind(ahead = 0): string {
    return this.token(ahead).kind;
  }
  protected is(kinds: readonly string[], ahead = 0): boolean {
    return kinds.includes(this.kind(ahead));
  }
  #consume(): void {
    if (this.kind() !== EOF) this.#at += 1;
  }
  #matched(): void {
    this.#isRecovering = false;
    this.#lastError = undefined;
  }

  /** All that may come at a place, outer rules included. */
  #expected(at: Next): ReadonlySet<string> {
    const out = new Set(at.kinds);
    let { ends } = at;
    for (let i = this.#follows.length - 1; ends && i >= 0; i--) {
      for (const kind of this.#follows[i]!.kinds) out.add(kind);
      ({ ends } = this.#follows[i]!);
    }
    if (ends) out.add(EOF);
    return out;
  }
  #say(token: Token, message: string): void {
    if (this.#isRecovering) return;
    this.#isRecovering = true;
    this.issues.push({ at: token.at, message: `Syntax error: ${message}` });
    if (this.issues.length > MOST_SYNTAX_ERRORS) throw new GivenUp();
  }
  /** Goes no further, for a reason that belongs to no place. */
  #giveUp(message: string): never {
    this.issues.push({ at: undefined, message });
    throw new GivenUp();
  }
  #recovery(): void {
    if (this.#recoveries === MOST_RECOVERIES) {
      const message = `Syntax error: error recovery attempt limit exceeded: ${MOST_RECOVERIES}`;
      this.issues.push({ at: this.token().at, message });
      throw new GivenUp();
    }
    this.#recoveries += 1;
  }
  /** A token too many, if the one behind it fits. */
  #dropped(at: Next): boolean {
    const expected = this.#expected(at);
    if (!expected.has(this.kind(1))) return false;
    this.#say(this.token(), `extraneous input ${quoted(this.token())} expecting ${listed(expected)}`);
    this.#consume();
    this.#matched();
    return true;
  }
  #mismatched(at: Next): Unexpected {
    const token = this.token();
    const expected = this.#expected(at);
    return new Unexpected(() => this.#say(token, `mismatched input ${quoted(token)} expecting ${listed(expected)}`));
  }
  protected noAlternative(length: number): Unexpected {
    const last = this.token(length - 1);
    const end = last.kind === EOF ? this.#source.length : last.at + last.text.length;
    const text = this.kind() === EOF ? EOF : this.#source.slice(this.token().at, end).replaceAll('\0', '');
    const words = `no viable alternative at input '${escaped(text)}'`;
    return new Unexpected(() =>
      this.#say(
        last,
        words.replace(
          /^no viable alternative at input '.(true|false|null)'$/,
          "mismatched input '$1' expecting IDENTIFIER",
        ),
      ),
    );
  }
  protected match(kind: string, after: Next): void {
    if (this.kind() === kind) {
      this.#matched();
      this.#consume();
      return;
    }
    this.#recovery();
    const at = next([kind]);
    if (this.#dropped(at)) {
      this.#consume();
      return;
    }
    if (!this.#expected(after).has(this.kind())) throw this.#mismatched(at);
    this.#say(this.token(), `missing ${listed(new Set([kind]))} at ${quoted(this.token())}`);
  }
  /** At the beginning of an alternative: a token that none begins with is dropped, or the rule is left. */
  protected sync(at: Next): void {
    if (this.#isRecovering || at.ends || this.is(at.kinds)) return;
    if (!this.#dropped(at)) throw this.#mismatched(at);
  }
  /** Between repetitions: what does not fit is skipped. */
  protected syncLoop(at: Next): void {
    if (this.#isRecovering || this.is(at.kinds)) return;
    const expected = this.#expected(at);
    this.#say(this.token(), `extraneous input ${quoted(this.token())} expecting ${listed(expected)}`);
    this.#skipTo(new Set([...expected, ...this.#recoverySet()]));
  }
  #recoverySet(): Set<string> {
    return new Set(this.#follows.flatMap(({ kinds }) => kinds));
  }
  #skipTo(wanted: ReadonlySet<string>): void {
    while (this.kind() !== EOF && !wanted.has(this.kind())) this.#consume();
  }
  /** Goes through a rule, after which `follow` may come; what goes wrong in it ends within it. Whether nothing did. */
  protected rule(name: string, follow: Next, body: () => void): boolean {
    this.#follows.push(follow);
    let isSound = true;
    try {
      body();
    } catch (error) {
      if (!(error instanceof Unexpected)) throw error;
      error.say();
      isSound = false;
      this.recover(name);
    }
    this.#follows.pop();
    return isSound;
  }
  /** Skips to what may come after the rules that are under way. */
  protected recover(name: string): void {
    this.#recovery();
    let skipped = 0;
    if (this.#lastError?.at === this.#at && this.#lastError.rules.has(name)) {
      this.#consume();
      skipped = 1;
    }
    if (this.#lastError?.at !== this.#at)
      this.#lastError = { at: this.#at, rules: this.#lastError?.rules ?? new Set() };
    this.#lastError.rules.add(name);
    const wanted = this.#recoverySet();
    for (; this.kind() !== EOF && !wanted.has(this.kind()); skipped++) {
      if (skipped === MOST_SKIPPED) this.#giveUp(`error recovery token lookahead limit exceeded: ${MOST_SKIPPED}`);
      this.#consume();
    }
  }
  /** Into an expression within one. */
  protected enter(): void {
    if (this.#nesting === DEEPEST) this.#giveUp(TOO_DEEP);
    this.#nesting += 1;
  }
  protected leave(): void {
    this.#nesting -= 1;
  }
}
const escaped = (text: string): string => text.replaceAll('\t', '\\t').replaceAll('\n', '\\n').replaceAll('\r', '\\r');
const quoted = (token: Token): string => `'${escaped(token.text)}'`;
function listed(kinds: ReadonlySet<string>): string {
  const shown = ORDER.filter((kind) => kinds.has(kind)).map((kind) => (PLAIN.test(kind) ? kind : `'${kind}'`));
  return shown.length === 1 ? shown[0]! : `{${shown.join(', ')}}`;
}
