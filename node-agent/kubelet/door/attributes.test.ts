import { describe, expect, it } from 'vitest';
import { askedOf, bucketOf, isPage, offWithoutDebugging } from './attributes.ts';

describe('what the right to a page is', () => {
  it.each([
    ['GET', '/pods', 'get', ['pods', 'proxy']],
    ['GET', '/pods/', 'get', ['pods', 'proxy']],
    ['GET', '/podsx', 'get', ['proxy']],
    ['GET', '/runningpods/', 'get', ['pods', 'proxy']],
    ['GET', '/runningpods', 'get', ['pods', 'proxy']],
    ['GET', '/healthz/syncloop', 'get', ['healthz', 'proxy']],
    ['GET', '/configz', 'get', ['configz', 'proxy']],
    ['GET', '/metrics', 'get', ['metrics']],
    ['GET', '/metrics/cadvisor', 'get', ['metrics']],
    ['GET', '/metricsx', 'get', ['proxy']],
    ['GET', '/stats/summary', 'get', ['stats']],
    ['GET', '/logs/wtmp', 'get', ['log']],
    ['POST', '/checkpoint/a/b/c', 'create', ['checkpoint']],
    ['GET', '/statusz', 'get', ['statusz']],
    ['GET', '/flagz', 'get', ['configz']],
    ['POST', '/run/a/b/c', 'create', ['proxy']],
    ['GET', '/exec/a/b/c', 'get', ['proxy']],
    ['PUT', '/debug/flags/v', 'update', ['proxy']],
    ['PATCH', '/x', 'patch', ['proxy']],
    ['DELETE', '/x', 'delete', ['proxy']],
    ['HEAD', '/healthz', '', ['healthz', 'proxy']],
    ['toString', '/', '', ['proxy']],
  ])('%s %s', (method, path, verb, subresources) => {
    expect(askedOf(method, path)).toEqual({ verb, subresources });
  });
});
it('pages that there are not are nobody’s', () => {
  expect(['/', '', '/none', '/podsx', 'pods', '/pods', '/metrics/x', '/exec/a/b/c'].map(isPage)).toEqual([
    false, false, false, false, false, true, true, true,
  ]); // prettier-ignore
});
it('what reaches into the node is off where debugging is', () => {
  expect(['/run/a', '/logs', '/runningpods/', '/configz', '/checkpoint/x', '/pods', '/metrics', '/healthz'].map(offWithoutDebugging)).toEqual(
    ['refused', 'refused', 'refused', 'missing', 'missing', undefined, undefined, undefined],
  );
}); // prettier-ignore
it('requests are counted by their page, and names that clients make up are one', () => {
  expect(['/metrics/cadvisor', '/metrics/x', '/exec/a/b', '/portForward/a', '/pods', '/zzz'].map(bucketOf)).toEqual([
    { path: 'metrics/cadvisor', isLong: false },
    { path: 'other', isLong: false },
    { path: 'exec', isLong: true },
    { path: 'portForward', isLong: false },
    { path: 'pods', isLong: false },
    { path: 'other', isLong: false },
  ]);
});
