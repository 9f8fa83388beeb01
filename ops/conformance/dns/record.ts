/**
 * Asks a CoreDNS that follows a cluster all questions of `actors/dns/testing/objects.ts` and prints its answers, for
 * `actors/dns/testdata/coredns.golden.json`. The cluster needs addresses of both families:
 *
 *   kubus up --service-cluster-ip-range 10.96.0.0/16,fd00:10:96::/112 --only etcd,apiserver
 *   node ops/conformance/dns/record.ts objects | kubectl apply -f -
 *   coredns -conf Corefile      kubeadm's, with `kubeconfig` and port 5300
 *   node ops/conformance/dns/record.ts answers 5300 > actors/dns/testdata/coredns.golden.json
 */
import { NAMESPACES, QUESTIONS, SERVICES, SLICES } from '../../../actors/dns/testing/objects.ts';
import { told } from '../../../actors/dns/testing/told.ts';
import { askUdp } from '../../../actors/dns/testing/ask.ts';
import { question } from '../../../actors/dns/testing/packets.ts';

const [what, port] = process.argv.slice(2);
if (what === 'objects') {
  const namespaces = NAMESPACES.map((name) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } }));
  const items = [...namespaces, ...SERVICES, ...SLICES];
  console.log(JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
} else {
  const answers: Record<string, unknown> = {};
  for (const asked of QUESTIONS) {
    const [name = '', type = ''] = asked.split(' ');
    answers[asked] = told(await askUdp(question(name, type, { edns: 4096 }), Number(port)));
  }
  console.log(JSON.stringify(answers));
}
