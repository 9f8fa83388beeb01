import { describe, expect, it } from 'vitest';
import { parseJsonPath } from './json-path.ts';

const object = {
  metadata: { annotations: { 'a.b/c': 'x' }, name: 'n' },
  status: { conditions: [{ type: 'Ready', status: 'True', n: 1 }, { type: 'Other', status: 'False', n: 2 }] },
}; // prettier-ignore
const FOUND: readonly (readonly [string, readonly unknown[]])[] = [
  ['.metadata.name', ['n']],
  ['metadata.name', ['n']],
  ['{.metadata.name}', ['n']],
  ['$.metadata.name', ['n']],
  ['.metadata.annotations.a\\.b/c', ['x']],
  [".metadata.annotations['a.b/c']", ['x']],
  ['.status.conditions[0].type', ['Ready']],
  ['.status.conditions[-1].type', ['Other']],
  ['.status.conditions[5].type', []],
  ['.status.conditions[*].type', ['Ready', 'Other']],
  ['.status.conditions[0:1].type', ['Ready']],
  ['.status.conditions[::2].type', ['Ready']],
  ['.status.conditions[1,0].type', ['Other', 'Ready']],
  ['.status.conditions[?(@.type=="Ready")].status', ['True']],
  [".status.conditions[?(@.type == 'Other')].status", ['False']],
  ['.status.conditions[?(@.type!="Ready")].status', ['False']],
  ['.status.conditions[?(@.n>1)].type', ['Other']],
  ['.status.conditions[?(@.n<=1)].type', ['Ready']],
  ['.status.conditions[?(@.none)].type', []],
  ['..type', ['Ready', 'Other']],
  ['.metadata.none.deeper', []],
  ['.', [object]],
];
describe('JSON paths', () => {
  it.each(FOUND)('%s', (path, expected) => expect(parseJsonPath(path)?.(object)).toEqual(expected));
  it.each(['[', '.a[', '.a[b]', '.a[?(@.b==)]', '.a[?(b)]', '.a[1:2:0]', '.a}'])('%s is none', (path) =>
    expect(parseJsonPath(path)).toBeUndefined(),
  );
});
