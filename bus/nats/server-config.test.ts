import { describe, expect, it } from 'vitest';
import { reasonOf } from '../../schemas/meta/status.ts';
import { createCredentials } from '../credentials.ts';
import { natsServerConfig, type NatsServerOptions } from './server-config.ts';

const { user } = createCredentials({ role: 'scheduler' }, { urls: [] });
const tls = { certFile: '/c.crt', keyFile: '/c.key' };
const cluster = { name: 'c', listen: '127.0.0.1:6222', routes: [] };
const routeTls = { ...tls, caFile: '/ca.crt' };

describe('a nats-server that other machines can reach', () => {
  it.each<[string, Partial<NatsServerOptions>]>([
    ['without TLS', { host: '0.0.0.0', users: [user] }],
    ['without TLS, on one address', { host: '10.0.0.7', users: [user] }],
    ['without TLS, on a name', { host: 'bus.example', users: [user] }],
    ['without TLS, on all addresses of IPv6', { host: '::', users: [user] }],
    ['without credentials', { host: '0.0.0.0', tls }],
    ['with credentials of nobody', { host: '0.0.0.0', tls, users: [] }],
    ['with routes without TLS', { cluster: { ...cluster, listen: '0.0.0.0:6222' } }],
    ['with routes without TLS on all addresses of IPv6', { cluster: { ...cluster, listen: '[::]:6222' } }],
  ])('is not configured %s', (_, options) => {
    expect(() => natsServerConfig({ port: 4222, ...options })).toThrow(
      expect.toSatisfy((error: unknown) => reasonOf(error) === 'Invalid') as Error,
    );
  });
  it.each<[string, Partial<NatsServerOptions>]>([
    ['on loopback, in clear text', { users: [user], cluster }],
    ['on loopback of IPv6', { host: '::1', users: [user] }],
    ['elsewhere, with TLS and credentials', { host: '0.0.0.0', tls, users: [user], cluster: { ...cluster, listen: '0.0.0.0:6222', tls: routeTls } }],
  ])('is configured %s', (_, options) => {
    expect(JSON.parse(natsServerConfig({ port: 4222, ...options }))).toMatchObject({ listen: expect.stringMatching(/:4222$/) as string });
  }); // prettier-ignore
});
