import { describe, expect, it } from 'vitest';
import type { Commands } from '../host/commands.ts';
import { forgetStaleFlows, staleFlows } from './conntrack.ts';
import { serviceFacts, sliceFacts } from './plan/facts.ts';
import { Plan } from './plan/plan.ts';
import { serviceOf, sliceOf, type EndpointSpec } from './testing/objects.ts';

const flow = (to: string, port: number, answers: string, answersPort: number, client = 'src=10.244.0.9'): string =>
  `udp      17 29 ${client} dst=${to} sport=40000 dport=${port} [UNREPLIED] src=${answers} dst=10.244.0.9 sport=${answersPort} dport=40000 mark=0 use=1`;
function planOf(endpoints: readonly EndpointSpec[]): Plan {
  const plan = new Plan();
  plan.putService(
    serviceFacts(
      serviceOf(
        'dns',
        {
          type: 'LoadBalancer',
          clusterIP: '10.96.0.10',
          externalIPs: ['192.0.2.1'],
          externalTrafficPolicy: 'Local',
          ports: [
            { name: 'dns', port: 53, protocol: 'UDP', nodePort: 30_053 },
            { name: 'dns-tcp', port: 53, protocol: 'TCP', nodePort: 30_054 },
          ],
        },
        { loadBalancer: { ingress: [{ ip: '198.18.0.1' }] } },
      ),
    )!,
  );
  plan.putSlice(
    sliceFacts(
      sliceOf('dns', 'a', endpoints, [
        { name: 'dns', port: 5353, protocol: 'UDP' },
        { name: 'dns-tcp', port: 5353, protocol: 'TCP' },
      ]),
      'n1',
    )!,
  );
  plan.changes();
  return plan;
}

describe('conversations over UDP', () => {
  it.each<[string, string, boolean]>([
    ['with who serves', flow('10.96.0.10', 53, '10.244.1.2', 5353), false],
    ['with who serves though it ends', flow('10.96.0.10', 53, '10.244.1.3', 5353), false],
    ['with who serves elsewhere, though outsiders are to stay here', flow('192.0.2.1', 53, '10.244.1.2', 5353), false],
    ['with who is gone', flow('10.96.0.10', 53, '10.244.1.9', 5353), true],
    ['with who ends and does not serve', flow('10.96.0.10', 53, '10.244.1.4', 5353), true],
    ['at another port', flow('10.96.0.10', 53, '10.244.1.2', 5354), true],
    ['by a balancer', flow('198.18.0.1', 53, '10.244.1.9', 5353), true],
    ['by a node port', flow('192.168.0.1', 30_053, '10.244.1.9', 5353), true],
    ['of nobody: the address answered itself', flow('10.96.0.10', 53, '10.96.0.10', 53), true],
    ['of others', flow('8.8.8.8', 53, '8.8.8.8', 53), false],
    ['of a port that speaks TCP', flow('192.168.0.1', 30_054, '10.244.1.9', 5353), false],
  ])('%s', (_, line, isStale) => {
    const plan = planOf([{ ip: '10.244.1.2' }, { ip: '10.244.1.3', is: 'ending' }, { ip: '10.244.1.4', is: 'gone' }]);
    expect(staleFlows(line, plan.all(), 4)).toHaveLength(isStale ? 1 : 0);
  });
  it('of a Service without endpoints are left alone, as upstream leaves them', () => {
    expect(staleFlows(flow('10.96.0.10', 53, '10.244.1.9', 5353), planOf([]).all(), 4)).toEqual([]);
  });
  it('are forgotten one kind at a time, however many clients there are', async () => {
    const said: string[] = [];
    const list = [1, 2, 3].map((n) => flow('10.96.0.10', 53, '10.244.1.9', 5353, `src=10.244.0.${n}`)).join('\n');
    const run: Commands['run'] = (program, args) => {
      said.push([program, ...args].join(' '));
      return Promise.resolve({ code: 0, stdout: args[0] === '-L' ? list : '', stderr: '' });
    };
    const commands: Commands = { run, must: async (...args) => (await run(...args)).stdout };
    const { signal } = new AbortController();
    const plan = planOf([{ ip: '10.244.1.2' }]);
    expect(await forgetStaleFlows({ commands, ports: plan.all(), family: 4, signal })).toBe(1);
    expect(said).toEqual([
      'conntrack -L -f ipv4 -p udp',
      'conntrack -D -f ipv4 -p udp -d 10.96.0.10 --dport 53 --reply-src 10.244.1.9 --reply-port-src 5353',
    ]);
  });
});
