import { describe, expect, it } from 'vitest';
import { jsonPatchFailure } from './json-patch-failure.ts';

/** Texts of the real server, for patches of webhooks. */
describe('why a JSON Patch cannot be applied', () => {
  const document = { metadata: { name: 'a', finalizers: ['x'] }, data: { k: 'v' } };
  it.each([
    [{ op: 'add', path: '/nope/x', value: 1 }, 'add operation does not apply: doc is missing path: "/nope/x": missing value'],
    [{ op: 'remove', path: '/metadata/nothing' }, "error in remove for path: '/metadata/nothing': Unable to remove nonexistent key: nothing: missing value"],
    [{ op: 'replace', path: '/foo/bar', value: 1 }, 'replace operation does not apply: doc is missing path: /foo/bar: missing value'],
    [{ op: 'test', path: '/metadata/name', value: 'zzz' }, 'testing value /metadata/name failed: test failed'],
    [{ op: 'frob', path: '/data' }, 'Unexpected kind: frob'],
    [{ op: 'replace', path: '', value: 5 }, 'replace operation value must be object or array: %!w(<nil>)'],
    [{ op: 'remove', path: '/metadata/finalizers/4' }, "error in remove for path: '/metadata/finalizers/4': Unable to access invalid index: 4: invalid index referenced"],
    [{ op: 'move', from: '/data/zz', path: '/data/y' }, "error in move for path: 'zz': Unable to remove nonexistent key: zz: missing value"],
    [{ op: 'copy', from: '/q/zz', path: '/data/y' }, 'copy operation does not apply: doc is missing from path: /q/zz: missing value'],
    [{ op: 'add', path: '/data/x', value: '1' }, undefined],
  ])('%j', (operation, why) => {
    expect(jsonPatchFailure(document, [{ op: 'test', path: '/data/k', value: 'v' }, operation])).toBe(why);
  }); // prettier-ignore
});
