import { EOF, type Token } from './lexer.ts';
import type { Issue } from './messages.ts';
import { isReserved } from './names.ts';
import { END, GivenUp, next, Recovery, TOO_DEEP, Unexpected, type Next } from './syntax-recovery.ts';

const LITERALS = ['true', 'false', 'null', 'NUM_FLOAT', 'NUM_INT', 'NUM_UINT', 'STRING', 'BYTES'];
const NUMBERS = new Set(['NUM_INT', 'NUM_FLOAT']);
const EXPR = ['[', '{', '(', '.', '-', '!', ...LITERALS, 'IDENTIFIER'];
const AFTER_MINUS = EXPR.filter((kind) => kind !== '!');
const RELATIONS = ['<', '<=', '>=', '>', '==', '!=', 'in'];
const PRODUCTS = ['*', '/', '%'];
const SUMS = ['+', '-'];
/**
 * What cel-go's parser says of tokens that are no expression: it goes through them as the parser generated from the grammar
 * does, and drops, inserts or skips tokens where that one would. In `source` null characters stand for what is no token.
 * Source: cel-go parser/gen/CEL.g4; ANTLR's error strategy.
 */
export function syntaxIssues(source: string, tokens: readonly Token[]): readonly Issue[] {
  const reader = new Grammar(source, tokens);
  try {
    reader.start();
  } catch (error) {
    // Of what nests nearly as deep as it may the stack may be too small for the rules of the grammar.
    if (error instanceof RangeError) reader.issues.push({ at: undefined, message: TOO_DEEP });
    else if (!(error instanceof GivenUp)) throw error;
  }
  return [...reader.issues, ...reader.late];
}

class Grammar extends Recovery {
  /** What is told only of what was read in the end. */
  readonly late: Issue[] = [];

  start(): void {
    try {
      this.#expr(next([EOF]));
      this.match(EOF, END);
    } catch (error) {
      if (!(error instanceof Unexpected)) throw error;
      error.say();
      this.recover('start');
    }
  }
  #expr(follow: Next): void {
    this.enter();
    this.rule('expr', follow, () => {
      this.#or(next(['?'], true));
      if (this.kind() !== '?') return;
      this.match('?', next(EXPR));
      this.#or(next([':']));
      this.match(':', next(EXPR));
      this.#expr(END);
    });
    this.leave();
  }
  #or(follow: Next): void {
    this.rule('or', follow, () => this.#repeat('||', (then) => this.#and(then)));
  }
  #and(follow: Next): void {
    this.rule('and', follow, () => this.#repeat('&&', (then) => this.#relation(then, 0)));
  }
  #repeat(operator: string, part: (follow: Next) => void): void {
    part(next([operator], true));
    while (this.kind() === operator) {
      this.match(operator, next(EXPR));
      part(next([operator], true));
    }
  }
  #relation(follow: Next, level: number): void {
    this.rule('relation', follow, () => {
      this.#calc(next(RELATIONS, true), 0);
      while (level === 0 && this.is(RELATIONS)) {
        this.match(this.kind(), next(EXPR));
        this.#relation(next(RELATIONS, true), 1);
      }
    });
  }
  #calc(follow: Next, level: number): void {
    const ops = [...PRODUCTS, ...SUMS];
    this.rule('calc', follow, () => {
      this.#unary(next(ops, true));
      while ((level < 2 && this.is(PRODUCTS)) || (level < 1 && this.is(SUMS))) {
        const inner = this.is(PRODUCTS) ? 2 : 1;
        this.match(this.kind(), next(EXPR));
        this.#calc(next(ops, true), inner);
      }
    });
  }
  #unary(follow: Next): void {
    this.rule('unary', follow, () => {
      this.sync(next(EXPR));
      if (this.kind() === '!') this.#signs('!');
      else if (this.kind() === '-') {
        if (!this.is(AFTER_MINUS, 1)) throw this.noAlternative(2);
        if (!NUMBERS.has(this.kind(1))) this.#signs('-');
      } else if (!this.is(EXPR)) throw this.noAlternative(1);
      this.#member();
    });
  }
  #signs(sign: string): void {
    do {
      this.match(sign, next(EXPR));
      this.syncLoop(next(sign === '!' ? EXPR : AFTER_MINUS));
      if (sign === '-' && !this.is(AFTER_MINUS)) throw this.noAlternative(1);
      if (sign === '-' && this.kind() === '-' && !this.is(AFTER_MINUS, 1)) throw this.noAlternative(2);
    } while (this.kind() === sign);
  }
  #member(): void {
    this.rule('member', END, () => {
      this.#primary(next(['.', '['], true));
      while (this.is(['.', '['])) this.#suffix();
    });
  }
  #suffix(): void {
    const loop = next(['.', '['], true);
    if (this.kind() === '[') {
      this.match('[', next([...EXPR, '?']));
      this.sync(next([...EXPR, '?']));
      if (this.kind() === '?') this.match('?', next(EXPR));
      this.#expr(next([']']));
      this.match(']', loop);
      return;
    }
    if (!this.is(['IDENTIFIER', 'ESC_IDENTIFIER', '?'], 1)) throw this.noAlternative(2);
    const isCall = this.kind(1) === 'IDENTIFIER' && this.kind(2) === '(';
    this.match('.', next(['?', 'IDENTIFIER', 'ESC_IDENTIFIER']));
    if (isCall) {
      this.match('IDENTIFIER', next(['(']));
      this.#call(loop);
      return;
    }
    if (this.kind() === '?') this.match('?', next(['IDENTIFIER', 'ESC_IDENTIFIER']));
    const { at } = this.token();
    const kind = this.#field(loop) ? this.kind(-1) : undefined;
    if (kind === 'ESC_IDENTIFIER') this.late.push({ at, message: "unsupported syntax: '`'" });
    else if (kind !== 'IDENTIFIER') this.late.push({ at, message: 'unsupported ident kind' });
  }
  #field(follow: Next): boolean {
    return this.rule('field', follow, () => {
      const names = ['IDENTIFIER', 'ESC_IDENTIFIER'];
      this.sync(next(names));
      if (!this.is(names)) throw this.noAlternative(1);
      this.match(this.kind(), END);
    });
  }
  #call(after: Next): void {
    this.match('(', next([...EXPR, ')']));
    this.sync(next([...EXPR, ')']));
    if (this.is(EXPR))
      this.rule('args', next([')']), () => {
        this.#expr(next([','], true));
        while (this.kind() === ',') {
          this.match(',', next(EXPR));
          this.#expr(next([','], true));
        }
      });
    this.match(')', after);
  }
  #primary(follow: Next): void {
    this.rule('primary', follow, () => {
      this.sync(next(AFTER_MINUS));
      const kind = this.kind();
      if (kind === '.' || kind === 'IDENTIFIER') this.#named();
      else if (kind === '(') {
        this.match('(', next(EXPR));
        this.#expr(next([')']));
        this.match(')', END);
      } else if (kind === '[') {
        this.match('[', next([...EXPR, '?', ',', ']']));
        this.#items(']', [...EXPR, '?'], 'list', (then) => this.#optional(then));
      } else if (kind === '{') {
        this.match('{', next([...EXPR, '?', ',', '}']));
        this.#items('}', [...EXPR, '?'], 'map', (then) => {
          this.#optional(next([':']));
          this.match(':', next(EXPR));
          this.#expr(then);
        });
      } else if (this.is(LITERALS) || (kind === '-' && NUMBERS.has(this.kind(1))))
        this.rule('literal', END, () => {
          if (this.kind() === '-') this.match('-', next([...NUMBERS]));
          this.match(this.kind(), END);
        });
      else throw this.noAlternative(kind === '-' ? 2 : 1);
    });
  }
  #named(): void {
    if (this.kind() === '.' && this.kind(1) !== 'IDENTIFIER') throw this.noAlternative(2);
    let ahead = this.kind() === '.' ? 2 : 1;
    while (this.kind(ahead) === '.' && this.kind(ahead + 1) === 'IDENTIFIER') ahead += 2;
    const isStruct = this.kind(ahead) === '{';
    const first = this.token();
    if (this.kind() === '.') this.match('.', next(['IDENTIFIER']));
    const name = this.token().text;
    if (!isStruct && isReserved(name)) this.late.push({ at: first.at, message: `reserved identifier: ${name}` });
    this.match('IDENTIFIER', END);
    if (!isStruct) {
      if (this.kind() === '(') this.#call(END);
      return;
    }
    while (this.kind() === '.') {
      this.match('.', next(['IDENTIFIER']));
      this.match('IDENTIFIER', next(['.', '{']));
    }
    const names = ['?', 'IDENTIFIER', 'ESC_IDENTIFIER'];
    this.match('{', next([...names, ',', '}']));
    this.#items('}', names, 'fields', (then) => {
      this.rule('optField', next([':']), () => {
        this.sync(next(names));
        if (this.kind() === '?') this.match('?', next(['IDENTIFIER', 'ESC_IDENTIFIER']));
        this.#field(END);
      });
      this.match(':', next(EXPR));
      this.#expr(then);
    });
  }
  #optional(follow: Next): void {
    this.rule('optExpr', follow, () => {
      this.sync(next([...EXPR, '?']));
      if (this.kind() === '?') this.match('?', next(EXPR));
      this.#expr(END);
    });
  }
  /** Entries up to what closes; the last comma may be one too many. */
  #items(close: string, first: readonly string[], name: string, one: (follow: Next) => void): void {
    this.sync(next([...first, ',', close]));
    if (this.is(first))
      this.rule(name, next([',', close]), () => {
        one(next([','], true));
        while (this.kind() === ',' && this.is(first, 1)) {
          this.match(',', next(first));
          one(next([','], true));
        }
      });
    this.sync(next([',', close]));
    if (this.kind() === ',') this.match(',', next([close]));
    this.match(close, END);
  }
}
