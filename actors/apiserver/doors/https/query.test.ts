import { expect, it } from 'vitest';
import { parseQuery } from './query.ts';

it.each([
  ['a=1&b=%20x', 'a=1&b=+x'],
  ['a=%zz&b=2', 'b=2'],
  ['a=%&b=%4', ''],
  ['a;b=1&c=3', 'c=3'],
  ['', ''],
])('reads %j as Go does', (text, kept) => expect(parseQuery(text).toString()).toBe(kept));
