import { request } from 'node:https';
import { text } from 'node:stream/consumers';
import type { Check } from '../real-nodes/checks.ts';
import type { Joined } from './joined.ts';

interface View {
  readonly users: readonly { readonly user: { readonly 'client-certificate-data': string; readonly 'client-key-data': string } }[]; // prettier-ignore
}
interface Shown {
  readonly cert?: Buffer;
  readonly key?: Buffer;
}
const must = (condition: boolean, why: string): void => {
  if (!condition) throw new Error(why);
};
const TIMEOUT_MS = 10_000;
/** Of a kubelet, as who reaches its address asks it. */
const ask = (host: string, path: string, shown: Shown): Promise<string> =>
  new Promise((resolve, reject) => {
    const asking = request({ host, port: 10_250, path, rejectUnauthorized: false, agent: false, timeout: TIMEOUT_MS, ...shown }); // prettier-ignore
    asking.on('response', (response) => void text(response).then((body) => resolve(`${response.statusCode} ${body}`), reject)); // prettier-ignore
    asking.on('timeout', () => asking.destroy(new Error(`${host} does not answer`)));
    asking.on('error', reject);
    asking.end();
  });

/** Where nodes are, and what is found there. */
export function doorChecks({ control, machines }: Joined): Check[] {
  const { kubectl } = control;
  return [
    {
      name: 'nodes are at the addresses of both families that they were given, and their kubelets answer there who has a right to it',
      work: async () => {
        const view = JSON.parse(await kubectl(['config', 'view', '--raw', '-o', 'json'])) as View;
        const { 'client-certificate-data': cert, 'client-key-data': key } = view.users[0]!.user;
        const admin = { cert: Buffer.from(cert, 'base64'), key: Buffer.from(key, 'base64') };
        for (const { name, machine } of machines) {
          const told = await kubectl(['get', 'node', name, '-o', 'jsonpath={.status.addresses[?(@.type=="InternalIP")].address}']); // prettier-ignore
          must(told === `${machine.ip} ${machine.ip6}`, `${name} says ${told}`);
          for (const host of [machine.ip, machine.ip6]) {
            must((await ask(host, '/healthz', admin)) === '200 ok', `${host} is not healthy`);
            must((await ask(host, '/metrics/resource', admin)).startsWith('200 '), `${host} tells nothing`);
            must((await ask(host, '/metrics', {})) === '401 Unauthorized', `${host} tells everybody`);
          }
        }
      },
    },
    {
      name: 'a machine that is given an address which is not its own says so, and does not join',
      work: async () => {
        for (const [given, why] of [
          [
            '10.77.0.250',
            `failed to validate nodeIP: node IP: "10.77.0.250" not found in the host's network interfaces`,
          ],
          ['10.77.0.11,10.77.0.12', 'must contain either a single IP or a dual-stack pair of IPs'],
        ] as const) {
          const said = await machines[0]!.refusal('--node-ip', given);
          must(said.includes(why), `of ${given} it says: ${said}`);
        }
      },
    },
  ];
}
