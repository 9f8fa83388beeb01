import { expect, it } from 'vitest';
import { accessSpecOf } from './access-spec.ts';
import { readAuthorizationConfiguration, type LookAt } from './configuration.ts';
import golden from './configuration.golden.json' with { type: 'json' };

const lookAt: LookAt = (path) => {
  if (path === '/etc') return 'irregular';
  return path === '/etc/hook' ? undefined : { error: `stat ${path}: no such file or directory` };
};
const read = (file: string, needed?: string[]) =>
  readAuthorizationConfiguration({ value: JSON.parse(file), text: file }, lookAt, needed);
const problem = (reading: Promise<unknown>): Promise<string | null> =>
  reading.then(
    () => null,
    (error: Error) => error.message,
  );
const hook = (webhook: object) => ({
  apiVersion: 'apiserver.config.k8s.io/v1',
  kind: 'AuthorizationConfiguration',
  authorizers: [
    { type: 'RBAC', name: 'rbac' },
    {
      type: 'Webhook',
      name: 'hook',
      webhook: {
        timeout: '1.5s', subjectAccessReviewVersion: 'v1', failurePolicy: 'NoOpinion',
        connectionInfo: { type: 'KubeConfigFile', kubeConfigFile: '/etc/hook' }, ...webhook,
      },
    },
  ],
}); // prettier-ignore
const settings = async (webhook: object) => {
  const [, second] = await read(JSON.stringify(hook(webhook)));
  return second?.type === 'Webhook' ? second.webhook : undefined;
};

// What kube-apiserver v1.36.3 says of these files; null: nothing.
it.each(golden)('$file', async ({ file, error }) => {
  expect(await problem(read(file))).toBe(error);
});
it('an empty file names nobody, and what was there at the start may not go', async () => {
  const empty = readAuthorizationConfiguration({ value: null, text: '' }, lookAt);
  expect(await problem(empty)).toBe('authorizers: Required value: at least one authorization mode must be defined');
  expect(await problem(read(JSON.stringify(hook({})), ['RBAC', 'Node']))).toBe('missing required types: [Node]');
});
it('no more than 64 conditions', async () => {
  const matchConditions = Array.from({ length: 65 }, (_, i) => ({ expression: `request.user != '${i}'` }));
  expect(await problem(read(JSON.stringify(hook({ matchConditions, matchConditionSubjectAccessReviewVersion: 'v1' }))))).toBe(
    'authorizers[1].matchConditions: Too many: 65: must have at most 64 items',
  ); // prettier-ignore
});
it('answers are kept for five minutes and half a minute, unless it says otherwise', async () => {
  expect(await settings({})).toMatchObject({ authorizedTtlMs: 300_000, unauthorizedTtlMs: 30_000, timeoutMs: 1500, deniesOnError: false }); // prettier-ignore
  expect(await settings({ authorizedTTL: '0s', unauthorizedTTL: '2m', cacheAuthorizedRequests: false })).toMatchObject({ authorizedTtlMs: 0, unauthorizedTtlMs: 120_000 }); // prettier-ignore
});
it.each([
  ["request.user == 'a' && request.groups.exists(g, g == 'g')", true],
  ["request.uid == '' && size(request.extra) == 0 && request.resourceAttributes.name == ''", true],
  ['has(request.resourceAttributes) && !has(request.nonResourceAttributes)', true],
  ['has(request.resourceAttributes.labelSelector)', false],
  ["request.resourceAttributes.?fieldSelector.requirements[0].operator.orValue('') == 'NotIn'", true],
  ["request.resourceAttributes.fieldSelector.requirements.all(r, r.key == 'spec.nodeName' && r.values == ['n'])", true],
  [
    "request.nonResourceAttributes.path == '/'",
    {
      error:
        "cel evaluation error: expression 'request.nonResourceAttributes.path == '/'' resulted in error: no such key: nonResourceAttributes",
    },
  ],
])('condition %s', async (expression, wanted) => {
  const webhook = await settings({ matchConditions: [{ expression }], matchConditionSubjectAccessReviewVersion: 'v1' });
  const info = { isResource: true, path: '', verb: 'list', group: '', version: 'v1', resource: 'pods', subresource: '', namespace: 'd', name: '', fieldSelector: 'spec.nodeName!=n' }; // prettier-ignore
  expect(webhook!.conditions!(accessSpecOf({ name: 'a', groups: ['g'] }, info))).toEqual(wanted);
});
