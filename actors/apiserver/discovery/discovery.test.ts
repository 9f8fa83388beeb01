import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { statusOf } from '../../../schemas/meta/status.ts';
import { createRegistry } from '../../../schemas/registry.ts';
import type { PathAnswer } from '../request.ts';
import { negotiateAggregated, negotiateFailure } from '../doors/https/accept.ts';
import { compareVersions } from '../../../schemas/meta/versions.ts';
import { createDiscoveryHandler } from './index.ts';

const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
const setUp = () => {
  const registry = createRegistry();
  const handler = createDiscoveryHandler({ registry, server: () => '192.0.2.1:6443' });
  const ask = (path: string, headers: Record<string, string> = {}, method = 'GET'): PathAnswer | undefined =>
    handler({ method, path, query: new URLSearchParams(), headers } as never) as PathAnswer | undefined;
  const json = (path: string, headers?: Record<string, string>) =>
    JSON.parse(ask(path, headers)!.body as string) as Record<string, unknown>;
  return { registry, ask, json };
};

describe('plain documents', () => {
  it.each([['/api', 405], ['/api/v1', 405], ['/apis/apps/v1', 405], ['/version', 405], ['/apis', 200], ['/apis/apps', 200], ['/', 200]])(
    'answer HEAD of %s as their routes do: %i',
    (path, code) => {
      const { ask } = setUp();
      if (code === 200) expect(ask(path, {}, 'HEAD')!.code).toBe(200);
      else expect(() => ask(path, {}, 'HEAD')).toThrow('does not allow this method');
    },
  ); // prettier-ignore
  it('list the groups in the order of the real server', () => {
    const groups = setUp().json('/apis')['groups'] as { name: string; versions: { version: string }[] }[];
    expect(groups.map((g) => g.name)).toEqual([
      'apiregistration.k8s.io', 'apps', 'events.k8s.io', 'authentication.k8s.io', 'authorization.k8s.io', 'autoscaling',
      'batch', 'certificates.k8s.io', 'networking.k8s.io', 'policy', 'rbac.authorization.k8s.io', 'storage.k8s.io',
      'admissionregistration.k8s.io', 'apiextensions.k8s.io', 'scheduling.k8s.io', 'coordination.k8s.io', 'node.k8s.io',
      'discovery.k8s.io', 'resource.k8s.io', 'flowcontrol.apiserver.k8s.io',
    ]); // prettier-ignore
    expect(groups.find((g) => g.name === 'autoscaling')!.versions.map((v) => v.version)).toEqual(['v2', 'v1']);
  });
  it('list resources with their subresources', () => {
    const resources = setUp().json('/api/v1')['resources'] as { name: string }[];
    expect(resources.find((r) => r.name === 'pods/eviction')).toEqual({
      name: 'pods/eviction', singularName: '', namespaced: true, group: 'policy', version: 'v1', kind: 'Eviction', verbs: ['create'],
    }); // prettier-ignore
    expect(resources.map((r) => r.name)).toEqual(resources.map((r) => r.name).toSorted());
  });
  it.each(['/api', '/apis', '/apis/', '/apis/apps', '/apis/apps/v1', '/apis/apps/v1/', '/version', '/'])(
    '%s is served',
    (path) => {
      expect(setUp().ask(path)?.code).toBe(200);
    },
  );
  it.each<[string, boolean]>([
    ['', true], ['*/*', true], ['text/html, application/json;q=0', true], ['application/json;as=Table', true],
    ['application/yaml', false], ['application/*', false], ['text/html', false],
  ])('the version is there as plain JSON alone: Accept %j', (accept, served) => {
    const { ask } = setUp();
    if (served) expect(ask('/version', { accept })!.code).toBe(200);
    else expect(() => ask('/version', { accept })).toThrow('Available representations: application/json');
  }); // prettier-ignore
  it('the paths have a page of their own', () => {
    const { ask } = setUp();
    expect(ask('/index.html')).toEqual(ask('/'));
  });
  it('know what they do not know', () => {
    const { ask } = setUp();
    expect(ask('/nope')).toBeUndefined();
    expect(ask('/apis/nope.example.com')).toMatchObject({ code: 404, body: '404 page not found\n' });
    const error = (() => {
      try {
        return ask('/apis/apps/v9');
      } catch (e) {
        return statusOf(e);
      }
    })();
    expect(error).toMatchObject({ code: 404, message: 'the server could not find the requested resource' });
  });
  it('answer a POST of groups as a GET, and refuse other methods elsewhere', () => {
    const { ask } = setUp();
    expect(ask('/apis', {}, 'POST')?.code).toBe(200);
    expect(() => ask('/api/v1', {}, 'DELETE')).toThrow(
      'the server does not allow this method on the requested resource',
    );
  });
});

describe('aggregated documents', () => {
  it('come with an ETag, and not at all to who has them', () => {
    const { ask } = setUp();
    const first = ask('/apis', { accept: AGGREGATED })!;
    expect(first.headers).toMatchObject({ 'Content-Type': AGGREGATED, Vary: 'Accept' });
    const etag = first.headers!['ETag']!;
    expect(ask('/apis', { accept: AGGREGATED, 'if-none-match': etag })).toMatchObject({ code: 304, body: '' });
    expect(ask('/apis', { accept: AGGREGATED, 'if-none-match': '"x"' })?.code).toBe(200);
  });
  it.each([
    [`${AGGREGATED},application/json`, 'APIGroupDiscoveryList'],
    ['application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json', 'APIGroupList'],
    ['application/json', 'APIGroupList'],
    ['*/*', 'APIGroupList'],
    ['application/json;g=apidiscovery.k8s.io;v=v9;as=APIGroupDiscoveryList', 'NotAcceptable'],
  ])('Accept: %s gets %s', (accept, kind) => {
    const { json } = setUp();
    try {
      expect(json('/apis', { accept })['kind']).toBe(kind);
    } catch (error) {
      expect(statusOf(error)?.reason).toBe(kind);
    }
  });
  it('leave group and version of builtin kinds empty, not those of custom ones', () => {
    const { registry, json } = setUp();
    const pods = registry.lookup({ group: '', version: 'v1', resource: 'pods' })!;
    registry.add({
      ...pods,
      group: 'x.io',
      version: 'v1',
      resource: 'foos',
      kind: 'Foo',
      singular: 'foo',
      subresources: new Map(),
    });
    const items = json('/apis', { accept: AGGREGATED })['items'] as {
      metadata: { name: string };
      versions: { resources: { responseKind: object }[] }[];
    }[];
    expect(items.at(-1)).toMatchObject({
      metadata: { name: 'x.io' },
      versions: [
        {
          version: 'v1',
          resources: [{ resource: 'foos', responseKind: { group: 'x.io', version: 'v1', kind: 'Foo' } }],
        },
      ],
    });
    expect(items[0]!.versions[0]!.resources[0]!.responseKind).toEqual({ group: '', version: '', kind: 'APIService' });
    registry.remove({ group: 'x.io', version: 'v1', resource: 'foos' });
    expect(JSON.stringify(json('/apis', { accept: AGGREGATED }))).not.toContain('x.io');
  });
});

describe('groups of other servers', () => {
  const served = (group: string, version: string, resources: object[] = [], isFresh = false) => ({ group, version, resources, isFresh }); // prettier-ignore
  const priority = (group: string, version: string, groupPriority: number, versionPriority: number) => ({ group, version, groupPriority, versionPriority }); // prettier-ignore
  function discovery(list: ReturnType<typeof served>[], priorities: ReturnType<typeof priority>[] = []) {
    const remote = { list: () => list, priorities: () => priorities, onChange: () => {} };
    const handler = createDiscoveryHandler({ registry: createRegistry(), server: () => '', remote });
    return (path: string, accept = '*/*') =>
      handler({ method: 'GET', path, query: new URLSearchParams(), headers: { accept } } as never) as PathAnswer;
  }
  it('are listed while their APIService is there, with nothing in them while they are out of reach', () => {
    const ask = discovery([served('m.io', 'v1')]);
    expect(JSON.parse(ask('/apis/m.io').body as string)).toMatchObject({ kind: 'APIGroup', name: 'm.io' });
    expect(ask('/apis', AGGREGATED).body).toContain(
      '{"metadata":{"name":"m.io"},"versions":[{"version":"v1","freshness":"Stale"}]}',
    );
    expect(discovery([])('/apis/m.io').code).toBe(404);
  });
  it('stand where their priority puts them, and so do their versions', () => {
    const ask = discovery(
      [served('low.io', 'v1'), served('high.io', 'v1'), served('high.io', 'v2beta1', [{ resource: 'x' }], true), served('apps', 'v9')],
      [priority('apps', 'v1', 17_800, 15), priority('apps', 'v9', 17_800, 20), priority('high.io', 'v1', 19_000, 1), priority('high.io', 'v2beta1', 1, 9), priority('low.io', 'v1', 1, 1)],
    ); // prettier-ignore
    const { groups } = JSON.parse(ask('/apis').body as string) as { groups: { name: string; versions: { version: string }[] }[] };
    const names = groups.map((g) => g.name);
    expect(names.slice(0, 3)).toEqual(['apiregistration.k8s.io', 'high.io', 'apps']);
    expect(names.at(-1)).toBe('low.io');
    expect(groups[1]!.versions.map((v) => v.version)).toEqual(['v2beta1', 'v1']);
    expect(groups[2]!.versions.map((v) => v.version)).toEqual(['v9', 'v1']);
    expect(ask('/apis', AGGREGATED).body).toContain(
      '{"metadata":{"name":"high.io"},"versions":[{"version":"v2beta1","resources":[{"resource":"x"}],"freshness":"Current"},{"version":"v1","freshness":"Stale"}]}',
    );
  }); // prettier-ignore
});

describe('versions', () => {
  it('are ordered as Kubernetes orders them', () => {
    const sorted = ['v1', 'foo10', 'v2', 'v1beta1', 'v11beta2', 'v1alpha1', 'v10', 'foo1', 'v11alpha2', 'v3beta1', 'v12alpha1'].sort(compareVersions);
    expect(sorted).toEqual(['v10', 'v2', 'v1', 'v11beta2', 'v3beta1', 'v1beta1', 'v12alpha1', 'v11alpha2', 'v1alpha1', 'foo1', 'foo10']);
  }); // prettier-ignore
  it('by an order that is total', () => {
    const version = fc.oneof(
      fc.tuple(fc.integer({ min: 1, max: 3 }), fc.constantFrom('', 'alpha1', 'beta2')).map(([n, s]) => `v${n}${s}`),
      fc.string({ maxLength: 3 }),
    );
    fc.assert(
      fc.property(version, version, version, (a, b, c) => {
        expect(Math.sign(compareVersions(a, b))).toBe(-Math.sign(compareVersions(b, a)) + 0);
        if (compareVersions(a, b) <= 0 && compareVersions(b, c) <= 0)
          expect(compareVersions(a, c)).toBeLessThanOrEqual(0);
      }),
    );
  });
});

it('reads any Accept header without failing', () => {
  const read = (header: string): void => {
    negotiateAggregated(header);
    negotiateFailure(header);
  };
  fc.assert(fc.property(fc.string(), read));
});
