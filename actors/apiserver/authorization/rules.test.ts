import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PolicyRule } from '../../../schemas/generated/rbac-v1.ts';
import type { RequestInfo } from '../request.ts';
import { compactRules, describeRule, missingRights, ruleAllows, urlCovers } from './rules.ts';

const info = (more: Partial<RequestInfo>): RequestInfo => ({
  isResource: true, path: '', verb: 'get', group: '', version: 'v1', resource: 'pods', subresource: '', namespace: 'd', name: '',
  ...more,
}); // prettier-ignore

describe('what one rule allows', () => {
  const cases: [string, PolicyRule, Partial<RequestInfo>, boolean][] = [
    ['the verb and the resource', { verbs: ['get'], apiGroups: [''], resources: ['pods'] }, {}, true],
    ['not another verb', { verbs: ['list'], apiGroups: [''], resources: ['pods'] }, {}, false],
    ['not another group', { verbs: ['get'], apiGroups: ['apps'], resources: ['pods'] }, {}, false],
    ['not the subresource of a resource', { verbs: ['get'], apiGroups: [''], resources: ['pods'] }, { subresource: 'log' }, false],
    ['a subresource by name', { verbs: ['get'], apiGroups: [''], resources: ['pods/log'] }, { subresource: 'log' }, true],
    ['a subresource of anything', { verbs: ['get'], apiGroups: [''], resources: ['*/log'] }, { subresource: 'log' }, true],
    ['everything', { verbs: ['*'], apiGroups: ['*'], resources: ['*'] }, { subresource: 'log', group: 'x' }, true],
    ['a name', { verbs: ['get'], apiGroups: [''], resources: ['pods'], resourceNames: ['a'] }, { name: 'a' }, true],
    ['no list when names are given', { verbs: ['*'], apiGroups: [''], resources: ['pods'], resourceNames: ['a'] }, { verb: 'list' }, false],
    ['no path by resources', { verbs: ['*'], apiGroups: ['*'], resources: ['*'] }, { isResource: false, path: '/x' }, false],
    ['a path by its beginning', { verbs: ['get'], nonResourceURLs: ['/api/*'] }, { isResource: false, path: '/api/v1' }, true],
  ]; // prettier-ignore
  it.each(cases)('%s', (_, rule, request, allowed) => {
    expect(ruleAllows(rule, info(request))).toBe(allowed);
  });
});

const word = fc.constantFrom('a', 'b', '*');
const rule = fc.record({
  verbs: fc.array(word, { minLength: 1, maxLength: 2 }),
  apiGroups: fc.array(word, { minLength: 1, maxLength: 2 }),
  resources: fc.array(fc.constantFrom('a', 'b', '*', 'a/s', '*/s'), { minLength: 1, maxLength: 2 }),
  resourceNames: fc.array(fc.constantFrom('x', 'y'), { maxLength: 2 }),
});

describe('rights that one set of rules lacks to cover another', () => {
  it('are none for the same rules', () => {
    fc.assert(fc.property(fc.array(rule, { maxLength: 3 }), (rules) => missingRights(rules, rules).length === 0));
  });
  it('are none only if every request that the wanted rules allow is allowed by the held ones', () => {
    const request = fc.record({
      verb: fc.constantFrom('a', 'b'), group: fc.constantFrom('a', 'b'), resource: fc.constantFrom('a', 'b'),
      subresource: fc.constantFrom('', 's'), name: fc.constantFrom('', 'x', 'y'),
    }); // prettier-ignore
    fc.assert(
      fc.property(fc.array(rule, { maxLength: 3 }), rule, request, (held, wanted, asked) => {
        if (missingRights(held, [wanted]).length > 0 || !ruleAllows(wanted, info(asked))) return;
        expect(held.some((r) => ruleAllows(r, info(asked)))).toBe(true);
      }),
    );
  });
  it('are named once, verbs together', () => {
    const missing = missingRights([], [{ verbs: ['get', 'list'], apiGroups: [''], resources: ['secrets'] }]);
    expect(compactRules(missing).map(describeRule)).toEqual([
      '{APIGroups:[""], Resources:["secrets"], Verbs:["get" "list"]}',
    ]);
  });
});

it('covers a path by pattern only from its beginning', () => {
  expect(urlCovers('/api/*', '/api')).toBe(false);
  expect(urlCovers('/api*', '/api')).toBe(true);
  expect(urlCovers('*', '/anything')).toBe(true);
});
