import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ingress, ingressClass, path, to } from '../testing/objects.ts';
import { claim, CONTROLLER } from './classes.ts';
import { certificateFor, match } from './match.ts';
import { planRouting } from './plan.ts';
import { hostOf, targetOf } from './target.ts';

const classes = [ingressClass()];
const plan = (...ingresses: Parameters<typeof planRouting>[0][]) =>
  planRouting(
    ingresses.flatMap((i) => [...i]),
    classes,
  );
const at = (routing: ReturnType<typeof planRouting>, host: string, where: string): string =>
  match(routing, host, where)?.replace(/^default\/|:80$/g, '') ?? 'nobody';

describe('paths', () => {
  // The table of examples in the documentation of Ingress, kind, paths, request, whether it matches.
  it.each([
    ['Prefix', ['/'], '/', 'a'],
    ['Prefix', ['/'], '/any/path', 'a'],
    ['Exact', ['/foo'], '/foo', 'a'],
    ['Exact', ['/foo'], '/bar', 'nobody'],
    ['Exact', ['/foo'], '/foo/', 'nobody'],
    ['Exact', ['/foo/'], '/foo', 'nobody'],
    ['Exact', ['/foo/'], '/foo/', 'a'],
    ['Prefix', ['/foo'], '/foo', 'a'],
    ['Prefix', ['/foo'], '/foo/', 'a'],
    ['Prefix', ['/foo/'], '/foo', 'a'],
    ['Prefix', ['/foo/'], '/foo/', 'a'],
    ['Prefix', ['/aaa/bb'], '/aaa/bbb', 'nobody'],
    ['Prefix', ['/aaa/bbb'], '/aaa/bbb', 'a'],
    ['Prefix', ['/aaa/bbb/'], '/aaa/bbb', 'a'],
    ['Prefix', ['/aaa/bbb'], '/aaa/bbb/', 'a'],
    ['Prefix', ['/aaa/bbb'], '/aaa/bbb/ccc', 'a'],
    ['Prefix', ['/aaa/bbb'], '/aaa/bbbxyz', 'nobody'],
    ['Prefix', ['/', '/aaa'], '/aaa/ccc', 'b'],
    ['Prefix', ['/', '/aaa'], '/ccc', 'a'],
    ['Prefix', ['/', '/aaa', '/aaa/bbb'], '/aaa/bbb', 'c'],
    ['Prefix', ['/', '/aaa', '/aaa/bbb'], '/ccc', 'a'],
    ['Prefix', ['/aaa'], '/ccc', 'nobody'],
    ['Prefix', ['/foo'], '/FOO', 'nobody'],
    ['ImplementationSpecific', ['/foo'], '/foo/bar', 'a'],
    ['ImplementationSpecific', [''], '/foo/bar', 'a'],
  ] as const)('%s %j: %s goes to %s', (type, paths, where, expected) => {
    const rules = paths.map((p, i) => `${type} ${p} -> ${'abc'[i]}:80`);
    expect(at(plan([ingress('i', { 'x.test': rules })]), 'x.test', where)).toBe(expected);
  });
  it('that are exact come before prefixes of the same length', () => {
    const routing = plan([ingress('i', { '': ['Prefix /foo -> prefix:80', 'Exact /foo -> exact:80'] })]);
    expect(['/foo', '/foo/', '/foo/x'].map((p) => at(routing, 'x', p))).toEqual(['exact', 'prefix', 'prefix']);
  });
  it('are found as a slow search finds them', () => {
    const element = fc.constantFrom('a', 'b', 'aa');
    const somewhere = fc.array(element, { maxLength: 4 }).map((parts) => `/${parts.join('/')}`);
    fc.assert(
      fc.property(fc.uniqueArray(somewhere, { maxLength: 8 }), somewhere, (prefixes, asked) => {
        const routing = plan([ingress('i', { '': prefixes.map((p, n) => `Prefix ${p} -> s${n}:80`) })]);
        const elements = (p: string): string[] => p.split('/').filter(Boolean);
        const holds = (p: string): boolean => elements(p).every((e, n) => elements(asked)[n] === e);
        const best = prefixes.filter(holds).sort((p, q) => elements(q).length - elements(p).length)[0];
        expect(at(routing, 'x', asked)).toBe(best === undefined ? 'nobody' : `s${prefixes.indexOf(best)}`);
      }),
    );
  });
});

describe('hosts', () => {
  const routing = plan([
    ingress('i', { 'foo.bar.com': ['/ -> exact:80'], '*.bar.com': ['/ -> wild:80'], '': ['/ -> any:80'] }),
  ]);
  it.each([
    ['foo.bar.com', 'exact'],
    ['baz.bar.com', 'wild'],
    ['baz.foo.bar.com', 'any'],
    ['bar.com', 'any'],
    ['other.test', 'any'],
    ['', 'any'],
  ])('%s goes to %s', (host, expected) => expect(at(routing, host, '/')).toBe(expected));
  it('that have rules of their own are not asked of others', () => {
    const two = plan([ingress('i', { 'x.test': ['/a -> a:80'], '': ['/ -> any:80'] })]);
    expect(at(two, 'x.test', '/b')).toBe('nobody');
  });
});

describe('default backends', () => {
  it('take what no path of their hosts takes, and what nobody names', () => {
    const routing = plan([
      ingress('old', { 'x.test': ['/a -> a:80'] }, { defaultBackend: to('own'), age: 5 }),
      ingress('all', {}, { defaultBackend: to('all'), age: 1 }),
    ]);
    expect(at(routing, 'x.test', '/a')).toBe('a');
    expect(at(routing, 'x.test', '/b')).toBe('own');
    expect(at(routing, 'y.test', '/b')).toBe('all');
  });
  it('that are no Service are nobody', () => {
    const resource = { apiGroup: 'x.test', kind: 'Bucket', name: 'b' };
    const routing = plan([ingress('i', {}, { defaultBackend: { resource } })]);
    expect(routing.backends.get(match(routing, 'x', '/')!)).toEqual({ service: '', port: 0 });
  });
});

describe('several Ingresses', () => {
  it('share a host; the older has what both claim, and of an age the first by name', () => {
    const b = ingress('b', { 'x.test': ['/ -> b:80', '/b -> b:80'] }, { age: 2 });
    const a = ingress('a', { 'X.test': ['/ -> a:80', '/a -> a:80'] }, { age: 2 });
    const old = ingress('z', { 'x.test': ['/a -> z:80'] }, { age: 1 });
    for (const order of [[a, b, old], [old, b, a]] as const) {
      const routing = plan([...order]);
      expect(['/', '/a', '/b'].map((p) => at(routing, 'x.test', p))).toEqual(['a', 'z', 'b']);
    } // prettier-ignore
  });
  it('are this controller’s by class, by the old annotation, or by default', () => {
    const theirs = ingressClass('theirs', 'example.com/other');
    const by = (ingressClassName?: string, annotation?: string) =>
      ingress('i', {}, { ingressClassName, annotations: annotation === undefined ? {} : { 'kubernetes.io/ingress.class': annotation } }); // prettier-ignore
    const mine = claim([ingressClass(), theirs]);
    const cases = [by('kubus'), by('theirs'), by('gone'), by(), by(undefined, 'kubus'), by(undefined, 'theirs')];
    expect(cases.map(mine)).toEqual([true, false, false, false, true, false]);
    const byDefault = claim([ingressClass('kubus', CONTROLLER, true), theirs]);
    expect(cases.map(byDefault)).toEqual([true, false, false, true, true, false]);
  });
});

describe('certificates', () => {
  it('are of the hosts listed, else of those of the rules; a host before its wildcard', () => {
    const routing = plan([
      ingress('i', { 'a.test': ['/ -> a:80'] }, { tls: [{ secretName: 'own' }] }),
      ingress('j', {}, { tls: [{ hosts: ['*.w.test', 'b.w.test'], secretName: 'wild' }, { hosts: ['b.w.test'], secretName: 'late' }] }), // prettier-ignore
      ingress('k', {}, { tls: [{ hosts: ['c.w.test'], secretName: 'c' }, { hosts: ['d.test'] }] }),
    ]);
    const of = (host: string) => certificateFor(routing, host)?.replace('default/', '');
    expect(['a.test', 'x.w.test', 'b.w.test', 'c.w.test', 'x.y.w.test', 'd.test', ''].map(of)).toEqual(
      ['own', 'wild', 'wild', 'c', undefined, undefined, undefined]); // prettier-ignore
  });
});

describe('what a request asks for', () => {
  it.each([
    ['/a?b=/../c', 'X.test:8080', { host: 'x.test', path: '/a', passed: '/a?b=/../c' }],
    ['/a/../admin', 'x', { path: '/admin', passed: '/a/../admin' }],
    ['/a/%2e%2E/admin/', 'x', { path: '/admin/' }],
    ['//a///b', 'x', { path: '/a/b' }],
    ['/../..', 'x', { path: '/' }],
    ['/a/.', 'x', { path: '/a/' }],
    ['/a%2Fb', 'x', { path: '/a/b' }],
    ['/%41', 'x', { path: '/A' }],
    ['http://Y.test:1/a?b', 'x.test', { host: 'y.test', path: '/a', passed: '/a?b' }],
    ['http://y.test?b', 'x.test', { host: 'y.test', path: '/', passed: '/?b' }],
    ['/%zz', 'x', undefined],
    ['/%00', 'x', undefined],
    ['*', 'x', undefined],
    ['ftp://x/', 'x', undefined],
    ['/', 'x y', undefined],
    ['/', 'x/y', undefined],
    ['/', 'user@x', undefined],
  ])('%s at %s', (url, authority, expected) => {
    if (expected === undefined) expect(targetOf(url, authority)).toBeUndefined();
    else expect(targetOf(url, authority)).toMatchObject(expected);
  });
  it.each([
    ['x.test.', 'x.test'],
    ['[::1]:80', '[::1]'],
    ['a_b.test', 'a_b.test'],
    ['', ''],
  ])('host %j is %j', (given, host) =>
    // prettier-ignore
    expect(hostOf(given)).toBe(host),
  );
  it('never escapes from the root, whatever it is made of', () => {
    const part = fc.constantFrom('a', '..', '.', '', '%2e', '%2E%2e', '%2f', 'b');
    fc.assert(
      fc.property(fc.array(part), (parts) => {
        const { path: found } = targetOf(`/${parts.join('/')}`, 'x')!;
        expect(found.startsWith('/')).toBe(true);
        expect(found.split('/').slice(1, -1)).not.toContain('');
        expect(found.split('/')).not.toContain('..');
      }),
    );
  });
});
it('the words of these tests mean what they seem to', () =>
  expect(path('Exact /a -> s:http')).toMatchObject({
    pathType: 'Exact',
    backend: { service: { port: { name: 'http' } } },
  }));
