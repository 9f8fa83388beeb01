import { EOF, type Token } from './lexer.ts';
import type { Issue } from './messages.ts';
import { isReserved } from './names.ts';

/** Kinds of tokens in the order in which they are listed as expected. */
const ORDER = [
  EOF, '==', '!=', 'in', '<', '<=', '>=', '>', '&&', '||', '[', ']', '{', '}', '(', ')', '.', ',', '-', '!', '?', ':', '+',
  '*', '/', '%', 'true', 'false', 'null', 'NUM_FLOAT', 'NUM_INT', 'NUM_UINT', 'STRING', 'BYTES', 'IDENTIFIER',
  'ESC_IDENTIFIER',
]; // prettier-ignore
const PLAIN = /^[A-Z]|^<EOF>$/;
const LITERALS = ['true', 'false', 'null', 'NUM_FLOAT', 'NUM_INT', 'NUM_UINT', 'STRING', 'BYTES'];
const NUMBERS = new Set(['NUM_INT', 'NUM_FLOAT']);
const EXPR = ['[', '{', '(', '.', '-', '!', ...LITERALS, 'IDENTIFIER'];
const AFTER_MINUS = EXPR.filter((kind) => kind !== '!');
const RELATIONS = ['<', '<=', '>=', '>', '==', '!=', 'in'];
const PRODUCTS = ['*', '/', '%'];
const SUMS = ['+', '-'];
/** With one more the reading ends. */
export const MOST_SYNTAX_ERRORS = 100;
/** After so many tries to go on nothing more is told. */
const MOST_RECOVERIES = 30;
/** Tokens that one such try may skip, and how deep expressions may nest. */
const MOST_SKIPPED = 256;
const DEEPEST = 250;
const TOO_DEEP = `expression recursion limit exceeded: ${DEEPEST}`;

/** What may come at a place; with `ends` the rule may end there, and what may come after it may come too. */
interface Next {
  readonly kinds: readonly string[];
  readonly ends: boolean;
}
const next = (kinds: readonly string[], ends = false): Next => ({ kinds, ends });
const END = next([], true);
/** What was found is nothing that a rule can go on with; the rule is left. */
class Unexpected extends Error {
  readonly say: () => void;

  constructor(say: () => void) {
    super();
    this.say = say;
  }
}
class GivenUp extends Error {}

/**
 * What cel-go's parser says of tokens that are no expression: it goes through them as the parser generated from the grammar
 * does, and drops, inserts or skips tokens where that one would. In `source` null characters stand for what is no token.
 * Source: cel-go parser/gen/CEL.g4; ANTLR's error strategy.
 */
export function syntaxIssues(source: string, tokens: readonly Token[]): readonly Issue[] {
  const reader = new Recovering(source, tokens);
  try {
    reader.start();
  } catch (error) {
    // Of what nests nearly as deep as it may the stack may be too small for the rules of the grammar.
    if (error instanceof RangeError) reader.issues.push({ at: undefined, message: TOO_DEEP });
    else if (!(error instanceof GivenUp)) throw error;
  }
  return [...reader.issues, ...reader.late];
}

class Recovering {
  readonly issues: Issue[] = [];
  /** What is told only of what was read in the end. */
  readonly late: Issue[] = [];
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
  #token(ahead = 0): Token {
    return this.#tokens[Math.min(this.#at + ahead, this.#tokens.length - 1)]!;
  }
  #kind(ahead = 0): string {
    return this.#token(ahead).kind;
  }
  #is(kinds: readonly string[], ahead = 0): boolean {
    return kinds.includes(this.#kind(ahead));
  }
  #consume(): void {
    if (this.#kind() !== EOF) this.#at += 1;
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
      this.issues.push({ at: this.#token().at, message });
      throw new GivenUp();
    }
    this.#recoveries += 1;
  }
  /** A token too many, if the one behind it fits. */
  #dropped(at: Next): boolean {
    const expected = this.#expected(at);
    if (!expected.has(this.#kind(1))) return false;
    this.#say(this.#token(), `extraneous input ${quoted(this.#token())} expecting ${listed(expected)}`);
    this.#consume();
    this.#matched();
    return true;
  }
  #mismatched(at: Next): Unexpected {
    const token = this.#token();
    const expected = this.#expected(at);
    return new Unexpected(() => this.#say(token, `mismatched input ${quoted(token)} expecting ${listed(expected)}`));
  }
  #noAlternative(length: number): Unexpected {
    const last = this.#token(length - 1);
    const end = last.kind === EOF ? this.#source.length : last.at + last.text.length;
    const text = this.#kind() === EOF ? EOF : this.#source.slice(this.#token().at, end).replaceAll('\0', '');
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
  #match(kind: string, after: Next): void {
    if (this.#kind() === kind) {
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
    if (!this.#expected(after).has(this.#kind())) throw this.#mismatched(at);
    this.#say(this.#token(), `missing ${listed(new Set([kind]))} at ${quoted(this.#token())}`);
  }
  /** At the beginning of an alternative: a token that none begins with is dropped, or the rule is left. */
  #sync(at: Next): void {
    if (this.#isRecovering || at.ends || this.#is(at.kinds)) return;
    if (!this.#dropped(at)) throw this.#mismatched(at);
  }
  /** Between repetitions: what does not fit is skipped. */
  #syncLoop(at: Next): void {
    if (this.#isRecovering || this.#is(at.kinds)) return;
    const expected = this.#expected(at);
    this.#say(this.#token(), `extraneous input ${quoted(this.#token())} expecting ${listed(expected)}`);
    this.#skipTo(new Set([...expected, ...this.#recoverySet()]));
  }
  #recoverySet(): Set<string> {
    return new Set(this.#follows.flatMap(({ kinds }) => kinds));
  }
  #skipTo(wanted: ReadonlySet<string>): void {
    while (this.#kind() !== EOF && !wanted.has(this.#kind())) this.#consume();
  }
  /** Goes through a rule, after which `follow` may come; what goes wrong in it ends within it. Whether nothing did. */
  #rule(name: string, follow: Next, body: () => void): boolean {
    this.#follows.push(follow);
    let isSound = true;
    try {
      body();
    } catch (error) {
      if (!(error instanceof Unexpected)) throw error;
      error.say();
      isSound = false;
      this.#recover(name);
    }
    this.#follows.pop();
    return isSound;
  }
  /** Skips to what may come after the rules that are under way. */
  #recover(name: string): void {
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
    for (; this.#kind() !== EOF && !wanted.has(this.#kind()); skipped++) {
      if (skipped === MOST_SKIPPED) this.#giveUp(`error recovery token lookahead limit exceeded: ${MOST_SKIPPED}`);
      this.#consume();
    }
  }

  start(): void {
    try {
      this.#expr(next([EOF]));
      this.#match(EOF, END);
    } catch (error) {
      if (!(error instanceof Unexpected)) throw error;
      error.say();
      this.#recover('start');
    }
  }
  #expr(follow: Next): void {
    if (this.#nesting === DEEPEST) this.#giveUp(TOO_DEEP);
    this.#nesting += 1;
    this.#rule('expr', follow, () => {
      this.#or(next(['?'], true));
      if (this.#kind() !== '?') return;
      this.#match('?', next(EXPR));
      this.#or(next([':']));
      this.#match(':', next(EXPR));
      this.#expr(END);
    });
    this.#nesting -= 1;
  }
  #or(follow: Next): void {
    this.#rule('or', follow, () => this.#repeat('||', (then) => this.#and(then)));
  }
  #and(follow: Next): void {
    this.#rule('and', follow, () => this.#repeat('&&', (then) => this.#relation(then, 0)));
  }
  #repeat(operator: string, part: (follow: Next) => void): void {
    part(next([operator], true));
    while (this.#kind() === operator) {
      this.#match(operator, next(EXPR));
      part(next([operator], true));
    }
  }
  #relation(follow: Next, level: number): void {
    this.#rule('relation', follow, () => {
      this.#calc(next(RELATIONS, true), 0);
      while (level === 0 && this.#is(RELATIONS)) {
        this.#match(this.#kind(), next(EXPR));
        this.#relation(next(RELATIONS, true), 1);
      }
    });
  }
  #calc(follow: Next, level: number): void {
    const ops = [...PRODUCTS, ...SUMS];
    this.#rule('calc', follow, () => {
      this.#unary(next(ops, true));
      while ((level < 2 && this.#is(PRODUCTS)) || (level < 1 && this.#is(SUMS))) {
        const inner = this.#is(PRODUCTS) ? 2 : 1;
        this.#match(this.#kind(), next(EXPR));
        this.#calc(next(ops, true), inner);
      }
    });
  }
  #unary(follow: Next): void {
    this.#rule('unary', follow, () => {
      this.#sync(next(EXPR));
      if (this.#kind() === '!') this.#signs('!');
      else if (this.#kind() === '-') {
        if (!this.#is(AFTER_MINUS, 1)) throw this.#noAlternative(2);
        if (!NUMBERS.has(this.#kind(1))) this.#signs('-');
      } else if (!this.#is(EXPR)) throw this.#noAlternative(1);
      this.#member();
    });
  }
  #signs(sign: string): void {
    do {
      this.#match(sign, next(EXPR));
      this.#syncLoop(next(sign === '!' ? EXPR : AFTER_MINUS));
      if (sign === '-' && !this.#is(AFTER_MINUS)) throw this.#noAlternative(1);
      if (sign === '-' && this.#kind() === '-' && !this.#is(AFTER_MINUS, 1)) throw this.#noAlternative(2);
    } while (this.#kind() === sign);
  }
  #member(): void {
    this.#rule('member', END, () => {
      this.#primary(next(['.', '['], true));
      while (this.#is(['.', '['])) this.#suffix();
    });
  }
  #suffix(): void {
    const loop = next(['.', '['], true);
    if (this.#kind() === '[') {
      this.#match('[', next([...EXPR, '?']));
      this.#sync(next([...EXPR, '?']));
      if (this.#kind() === '?') this.#match('?', next(EXPR));
      this.#expr(next([']']));
      this.#match(']', loop);
      return;
    }
    if (!this.#is(['IDENTIFIER', 'ESC_IDENTIFIER', '?'], 1)) throw this.#noAlternative(2);
    const isCall = this.#kind(1) === 'IDENTIFIER' && this.#kind(2) === '(';
    this.#match('.', next(['?', 'IDENTIFIER', 'ESC_IDENTIFIER']));
    if (isCall) {
      this.#match('IDENTIFIER', next(['(']));
      this.#call(loop);
      return;
    }
    if (this.#kind() === '?') this.#match('?', next(['IDENTIFIER', 'ESC_IDENTIFIER']));
    const { at } = this.#token();
    const kind = this.#field(loop) ? this.#tokens[this.#at - 1]?.kind : undefined;
    if (kind === 'ESC_IDENTIFIER') this.late.push({ at, message: "unsupported syntax: '`'" });
    else if (kind !== 'IDENTIFIER') this.late.push({ at, message: 'unsupported ident kind' });
  }
  #field(follow: Next): boolean {
    return this.#rule('field', follow, () => {
      const names = ['IDENTIFIER', 'ESC_IDENTIFIER'];
      this.#sync(next(names));
      if (!this.#is(names)) throw this.#noAlternative(1);
      this.#match(this.#kind(), END);
    });
  }
  #call(after: Next): void {
    this.#match('(', next([...EXPR, ')']));
    this.#sync(next([...EXPR, ')']));
    if (this.#is(EXPR))
      this.#rule('args', next([')']), () => {
        this.#expr(next([','], true));
        while (this.#kind() === ',') {
          this.#match(',', next(EXPR));
          this.#expr(next([','], true));
        }
      });
    this.#match(')', after);
  }
  #primary(follow: Next): void {
    this.#rule('primary', follow, () => {
      this.#sync(next(AFTER_MINUS));
      const kind = this.#kind();
      if (kind === '.' || kind === 'IDENTIFIER') this.#named();
      else if (kind === '(') {
        this.#match('(', next(EXPR));
        this.#expr(next([')']));
        this.#match(')', END);
      } else if (kind === '[') {
        this.#match('[', next([...EXPR, '?', ',', ']']));
        this.#items(']', [...EXPR, '?'], 'list', (then) => this.#optional(then));
      } else if (kind === '{') {
        this.#match('{', next([...EXPR, '?', ',', '}']));
        this.#items('}', [...EXPR, '?'], 'map', (then) => {
          this.#optional(next([':']));
          this.#match(':', next(EXPR));
          this.#expr(then);
        });
      } else if (this.#is(LITERALS) || (kind === '-' && NUMBERS.has(this.#kind(1))))
        this.#rule('literal', END, () => {
          if (this.#kind() === '-') this.#match('-', next([...NUMBERS]));
          this.#match(this.#kind(), END);
        });
      else throw this.#noAlternative(kind === '-' ? 2 : 1);
    });
  }
  #named(): void {
    if (this.#kind() === '.' && this.#kind(1) !== 'IDENTIFIER') throw this.#noAlternative(2);
    let ahead = this.#kind() === '.' ? 2 : 1;
    while (this.#kind(ahead) === '.' && this.#kind(ahead + 1) === 'IDENTIFIER') ahead += 2;
    const isStruct = this.#kind(ahead) === '{';
    const first = this.#token();
    if (this.#kind() === '.') this.#match('.', next(['IDENTIFIER']));
    const name = this.#token().text;
    if (!isStruct && isReserved(name)) this.late.push({ at: first.at, message: `reserved identifier: ${name}` });
    this.#match('IDENTIFIER', END);
    if (!isStruct) {
      if (this.#kind() === '(') this.#call(END);
      return;
    }
    while (this.#kind() === '.') {
      this.#match('.', next(['IDENTIFIER']));
      this.#match('IDENTIFIER', next(['.', '{']));
    }
    const names = ['?', 'IDENTIFIER', 'ESC_IDENTIFIER'];
    this.#match('{', next([...names, ',', '}']));
    this.#items('}', names, 'fields', (then) => {
      this.#rule('optField', next([':']), () => {
        this.#sync(next(names));
        if (this.#kind() === '?') this.#match('?', next(['IDENTIFIER', 'ESC_IDENTIFIER']));
        this.#field(END);
      });
      this.#match(':', next(EXPR));
      this.#expr(then);
    });
  }
  #optional(follow: Next): void {
    this.#rule('optExpr', follow, () => {
      this.#sync(next([...EXPR, '?']));
      if (this.#kind() === '?') this.#match('?', next(EXPR));
      this.#expr(END);
    });
  }
  /** Entries up to what closes; the last comma may be one too many. */
  #items(close: string, first: readonly string[], name: string, one: (follow: Next) => void): void {
    this.#sync(next([...first, ',', close]));
    if (this.#is(first))
      this.#rule(name, next([',', close]), () => {
        one(next([','], true));
        while (this.#kind() === ',' && this.#is(first, 1)) {
          this.#match(',', next(first));
          one(next([','], true));
        }
      });
    this.#sync(next([',', close]));
    if (this.#kind() === ',') this.#match(',', next([close]));
    this.#match(close, END);
  }
}
const escaped = (text: string): string => text.replaceAll('\t', '\\t').replaceAll('\n', '\\n').replaceAll('\r', '\\r');
const quoted = (token: Token): string => `'${escaped(token.text)}'`;
function listed(kinds: ReadonlySet<string>): string {
  const shown = ORDER.filter((kind) => kinds.has(kind)).map((kind) => (PLAIN.test(kind) ? kind : `'${kind}'`));
  return shown.length === 1 ? shown[0]! : `{${shown.join(', ')}}`;
}
