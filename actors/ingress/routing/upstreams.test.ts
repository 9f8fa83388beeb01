import { describe, expect, it } from 'vitest';
import { service, slice } from '../testing/objects.ts';
import { upstreamOf } from './upstreams.ts';

const ref = { service: 'default/web', port: 80 };
const web = service('web');
const ips = (...args: Parameters<typeof upstreamOf>): unknown => {
  const found = upstreamOf(...args);
  return found.kind === 'endpoints' ? found.addresses.map((a) => `${a.ip}:${a.port}`) : found;
};

describe('who answers for a backend', () => {
  it('are its ready endpoints, once each, whichever slice they are in', () => {
    const slices = [
      slice('web', { '10.0.0.2': {}, '10.0.0.1': { ready: true }, '10.0.0.3': { ready: false } }),
      slice('web', { '10.0.0.1': {} }),
      slice('web', { 'fd00::1': {} }, { port: 8080 }, 'IPv6'),
      slice('web', { 'a.test': {} }, { port: 8080 }, 'FQDN'),
      slice('web', { '10.0.0.9': {} }, { name: 'other', port: 9 }),
    ];
    expect(ips(ref, web, slices)).toEqual(['10.0.0.1:8080', '10.0.0.2:8080', 'fd00::1:8080']);
  });
  it('are those that still serve while they end, as long as none is ready', () => {
    const ending = { '10.0.0.1': { ready: false, serving: true, terminating: true }, '10.0.0.2': { ready: false, serving: false, terminating: true } }; // prettier-ignore
    expect(ips(ref, web, [slice('web', ending)])).toEqual(['10.0.0.1:8080']);
    expect(ips(ref, web, [slice('web', { ...ending, '10.0.0.3': {} })])).toEqual(['10.0.0.3:8080']);
  });
  it('tell the pod, so that it can be reached where there is no network', () =>
    expect(upstreamOf(ref, web, [slice('web', { '10.0.0.1': {} })])).toMatchObject({
      addresses: [{ node: 'n1', namespace: 'default', pod: '10.0.0.1' }],
    }));
  it('are found by the name of a port', () => {
    const two = service('web', { ports: [{ name: 'a', port: 80 }, { name: 'b', port: 81 }] }); // prettier-ignore
    const slices = [slice('web', { '10.0.0.1': {} }, { name: 'a', port: 1 }), slice('web', { '10.0.0.1': {} }, { name: 'b', port: 2 })]; // prettier-ignore
    expect(ips({ ...ref, port: 'b' }, two, slices)).toEqual(['10.0.0.1:2']);
    expect(ips({ ...ref, port: 81 }, two, slices)).toEqual(['10.0.0.1:2']);
  });
  it('are outside for an ExternalName', () => {
    const external = service('web', { type: 'ExternalName', externalName: 'example.com' });
    expect(upstreamOf(ref, external, [])).toEqual({ kind: 'external', host: 'example.com', port: 80 });
    expect(upstreamOf({ ...ref, port: 'http' }, external, [])).toMatchObject({ kind: 'none' });
  });
  it.each([
    ['no service', undefined, []],
    ['another port', service('web', { ports: [{ port: 81 }] }), [slice('web', { '10.0.0.1': {} })]],
    ['no endpoints', web, []],
  ])('is nobody: %s', (_, of, slices) => expect(upstreamOf(ref, of, slices).kind).toBe('none'));
});
