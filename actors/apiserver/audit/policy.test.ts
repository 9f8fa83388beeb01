import { describe, expect, it } from 'vitest';
import type { RequestInfo, UserInfo } from '../request.ts';
import { evaluator, readAuditPolicy } from './policy.ts';

const read = (rules: unknown, more: object = {}) =>
  readAuditPolicy({ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules, ...more });
const user: UserInfo = { name: 'bob', groups: ['devs', 'system:authenticated'] };
const resource = (more: Partial<RequestInfo> = {}): RequestInfo => ({
  isResource: true, path: '', verb: 'get', group: '', version: 'v1', resource: 'pods', subresource: '', namespace: 'n', name: 'p', ...more,
}); // prettier-ignore
const path = (at: string): RequestInfo => resource({ isResource: false, path: at, resource: '', name: '' });
const fits = (rule: object, info: RequestInfo, who: UserInfo | undefined = user): boolean =>
  evaluator(read([{ level: 'Request', ...rule }]))(who, info).level === 'Request';

describe('audit policies', () => {
  it.each<[object, RequestInfo, boolean]>([
    [{}, resource(), true],
    [{}, path('/version'), true],
    [{ users: ['bob'] }, resource(), true],
    [{ users: ['eve'] }, resource(), false],
    [{ userGroups: ['ops', 'devs'] }, resource(), true],
    [{ userGroups: ['ops'] }, resource(), false],
    [{ verbs: ['list'] }, resource(), false],
    [{ namespaces: ['n'] }, resource(), true],
    [{ namespaces: [''] }, resource(), false],
    [{ namespaces: ['n'] }, path('/version'), false],
    [{ resources: [{ group: '' }] }, resource(), true],
    [{ resources: [{ group: 'apps' }] }, resource(), false],
    [{ resources: [{ group: '*', resources: ['pods'] }] }, resource({ group: 'x' }), true],
    [{ resources: [{ resources: ['pods'] }] }, resource({ subresource: 'log' }), false],
    [{ resources: [{ resources: ['pods/log'] }] }, resource({ subresource: 'log' }), true],
    [{ resources: [{ resources: ['*/log'] }] }, resource({ subresource: 'log' }), true],
    [{ resources: [{ resources: ['pods/*'] }] }, resource({ subresource: 'log' }), true],
    [{ resources: [{ resources: ['pods/*'] }] }, resource(), true],
    [{ resources: [{ resources: ['*'] }] }, resource({ subresource: 'log' }), true],
    [{ resources: [{ resources: ['pods'], resourceNames: ['q'] }] }, resource(), false],
    [{ nonResourceURLs: ['/health*'] }, path('/healthz'), true],
    [{ nonResourceURLs: ['*'] }, path('/x'), true],
    [{ nonResourceURLs: ['/version'] }, path('/version/'), false],
    [{ nonResourceURLs: ['*'] }, resource(), false],
  ])('%j fits %j: %s', (rule, info, expected) => {
    expect(fits(rule, info)).toBe(expected);
  });
  it('go by the first rule that fits, and note nothing where none does', () => {
    const evaluate = evaluator(
      read([{ level: 'None', users: ['bob'] }, { level: 'Metadata', verbs: ['get'], omitStages: ['RequestReceived'], omitManagedFields: false }], {
        omitStages: ['Panic'], omitManagedFields: true,
      }),
    ); // prettier-ignore
    expect(evaluate(user, resource()).level).toBe('None');
    const other = evaluate({ name: 'eve', groups: [] }, resource());
    expect(other).toEqual({
      level: 'Metadata',
      omitStages: new Set(['Panic', 'RequestReceived']),
      omitManagedFields: false,
    });
    expect(evaluate(undefined, resource({ verb: 'list' })).level).toBe('None');
    expect(fits({ users: ['bob'] }, resource(), undefined)).toBe(true);
    expect(evaluator(read([{ level: 'Request', users: ['bob'] }]))(undefined, resource()).level).toBe('None');
  });
  it.each<[unknown, object, string]>([
    [[], {}, 'loaded illegal policy with 0 rules'],
    [[{}], {}, 'rules[0].level: Required value'],
    [[{ level: 'All' }], {}, 'rules[0].level: Unsupported value: "All": supported values: "None", "Metadata", "Request", "RequestResponse"'],
    [[{ level: 'None', nonResourceURLs: ['x', '/a*b'] }], {}, `[rules[0].nonResourceURLs[0]: Invalid value: "x": non-resource URL rules must begin with a '/' character, rules[0].nonResourceURLs[1]: Invalid value: "/a*b": non-resource URL wildcards '*' must be the final character of the rule]`],
    [[{ level: 'None', resources: [{ resourceNames: ['a'] }] }], {}, 'rules[0].resources.resourceNames: Invalid value: ["a"]: using resourceNames requires at least one resource'],
    [[{ level: 'None' }], { omitStages: ['Never'] }, 'omitStages[0]: Invalid value: "Never": allowed stages are RequestReceived,ResponseStarted,ResponseComplete,Panic'],
  ])('%j is refused', (rules, more, why) => {
    expect(() => read(rules, more)).toThrow(why);
  }); // prettier-ignore
});
