import { expect, it } from 'vitest';
import { createMemoryHub } from './memory/bus.ts';
import { simulate } from './memory/simulation.ts';
import * as subjects from './subjects.ts';
import { tellingLength, wayOf } from './traffic.ts';

const api = { verb: 'create', group: 'apps', version: 'v1', resource: 'deployments', namespace: 'a.b', name: '' };

it.each([
  [subjects.api({ ...api, caller: 'controller:job' }), ['controller:job', 'apiserver', 'api create deployments']],
  [subjects.api({ ...api, caller: 'node:n-1' }), ['kubelet', 'apiserver', 'api create deployments']],
  [subjects.etcd('put'), ['me', 'etcd', 'etcd put']],
  [subjects.node('n-1', 'logs'), ['me', 'kubelet', 'node logs']],
  [`${subjects.inbox('scheduler.x')}.1.2`, ['me', 'scheduler', 'answer']],
  [`${subjects.inbox(`${subjects.escapeToken('node:n-1')}.x`)}.1.2`, ['me', 'kubelet', 'answer']],
  [subjects.session(`${subjects.escapeToken('node:n-1')}.x`, 's', 'client'), ['me', 'kubelet', 'session']],
  [subjects.event('/registry/pods/default/web'), ['me', 'nats', 'event pods']],
  [subjects.event('/registry/apps.example.com/widgets/a.b/c.d'), ['me', 'nats', 'event widgets']],
  [subjects.control('scheduler', 'x'), ['me', 'scheduler', 'control']],
  [subjects.inspect('scheduler', 'x'), ['me', 'console', 'inspect']],
  ['$JS.API.INFO', ['me', 'nats', 'log']],
  [subjects.rollCall, ['me', 'all', 'rollcall']],
])('a message on %s has two ends and a kind', (subject, [from, to, kind]) => {
  expect(wayOf(subject, 'me')).toEqual({ from, to, kind });
  expect(wayOf(subject.slice(0, tellingLength(subject)), 'me')).toEqual({ from, to, kind });
});

it('is counted while somebody wants to know, and a node that joined is one of the kubelets', async () => {
  const simulation = simulate('traffic');
  const hub = createMemoryHub({ simulation });
  const [server, node] = [hub.connect('apiserver'), hub.connect('node:n-1')];
  server.serve('kubus.v1.api.>', 'q', () => 'ok');
  await simulation.advance(100);
  const ask = async (): Promise<void> => {
    const asked = node.request(subjects.api({ ...api, caller: 'node:n-1' }), {});
    await simulation.advance(100);
    await asked;
  };
  await ask();
  expect(server.traffic.take()).toEqual([]);
  const counting = [server.traffic.begin(), node.traffic.begin()];
  await ask();
  expect(node.traffic.role).toBe('kubelet');
  expect(node.traffic.take()).toMatchObject([{ from: 'kubelet', to: 'apiserver', count: 1 }]);
  expect(server.traffic.take()).toMatchObject([{ from: 'apiserver', to: 'kubelet', kind: 'answer', count: 1 }]);
  for (const one of counting) one.unsubscribe();
  await ask();
  expect(node.traffic.take()).toEqual([]);
});
