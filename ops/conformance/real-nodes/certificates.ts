import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatKeyPair } from '../../../node-agent/kubelet/certificates/key-pair.ts';
import { makeRequest } from '../../../node-agent/kubelet/certificates/request.ts';
import { CURRENT, pairStore, pkiOf } from '../../../node-agent/kubelet/certificates/store.ts';
import { signerIn } from '../../pki/signing.ts';
import { eventually, type TestCluster } from '../../testing/cluster.ts';
import { nodesOf, type Check } from './checks.ts';
import { agentOf } from './faults.ts';

const must = (condition: boolean, why: string): void => {
  if (!condition) throw new Error(why);
};

/** Who nodes are at the HTTPS door, and how long. */
export function certificateChecks(cluster: TestCluster): Check[] {
  const { kubectl } = cluster;
  const root = (node: string): string => join(cluster.data, 'machines', node, 'kubelet');
  const current = (node: string): X509Certificate =>
    new X509Certificate(readFileSync(join(pkiOf(root(node)), CURRENT)));
  const as = (node: string, ...args: string[]): Promise<string> => kubectl([`--kubeconfig=${join(root(node), 'kubelet.conf')}`, ...args]); // prettier-ignore
  const requests = async (node: string): Promise<number> =>
    (await kubectl(['get', 'csr'])).split('\n').filter((line) => line.includes(`system:node:${node} `) && line.includes('Approved,Issued')).length; // prettier-ignore
  return [
    {
      name: 'API servers know each node by a certificate of its own, which nobody had to approve',
      work: async () => {
        const nodes = await nodesOf(cluster);
        for (const [i, node] of nodes.entries()) {
          must((await requests(node)) > 0, `nothing was issued to ${node}`);
          must(
            (await as(node, 'get', 'node', node, '-o', 'name')).trim() === `node/${node}`,
            `${node} is somebody else`,
          );
          const other = nodes[(i + 1) % nodes.length]!;
          const refusal = await as(node, 'get', 'node', other).then(() => 'none', String);
          must(refusal.includes('Forbidden'), `${node} may read ${other}: ${refusal}`);
        }
      },
    },
    {
      name: 'a certificate that nears its end is replaced by a node agent that starts, one that is good is not',
      work: async () => {
        const [node = '', other = ''] = await nodesOf(cluster);
        const [before, kept] = [await requests(node), current(other)];
        const { pem, key } = makeRequest(node);
        const [from, until] = [Date.now() - 300_000, Date.now() + 30_000];
        const old = await signerIn(join(cluster.data, 'pki'))!.sign(pem, ['digital signature', 'client auth'], { from, until }); // prettier-ignore
        await pairStore(pkiOf(root(node))).write(formatKeyPair(old, key), Date.now());
        for (const pid of [...agentOf(node), ...agentOf(other)]) process.kill(pid, 'SIGKILL');
        const isNew = (): true | undefined => Date.parse(current(node).validTo) > until + 60_000 || undefined;
        await eventually('another certificate', isNew);
        must((await requests(node)) === before + 1, 'it asked more than once');
        must(current(other).serialNumber === kept.serialNumber, `${other} has another one too`);
      },
    },
  ];
}
