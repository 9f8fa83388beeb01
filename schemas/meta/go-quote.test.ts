import { expect, it } from 'vitest';
import { goQuote } from './go-quote.ts';

it.each([
  ['plain text', '"plain text"'],
  ['a"b\\c', String.raw`"a\"b\\c"`],
  ['a\u0000\u0007\u000b\u007f', String.raw`"a\x00\a\v\x7f"`],
  ['ä 日', '"ä 日"'],
  ['\u00a0\u2028\ufeff\u200b', String.raw`"\u00a0\u2028\ufeff\u200b"`],
  ['\u{e0001}😀', String.raw`"\U000e0001😀"`],
  ['\ud800', '"\ufffd"'],
])('quotes %j as Go does', (text, quoted) => expect(goQuote(text)).toBe(quoted));
