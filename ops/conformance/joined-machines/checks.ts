import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatKeyPair } from '../../../node-agent/kubelet/certificates/key-pair.ts';
import { makeRequest } from '../../../node-agent/kubelet/certificates/request.ts';
import { CURRENT, pairStore, pkiOf } from '../../../node-agent/kubelet/certificates/store.ts';
import { signerIn } from '../../pki/signing.ts';
import { findKubectl } from '../../fetch/kubectl.ts';
import { eventually } from '../../testing/cluster.ts';
import type { Check } from '../real-nodes/checks.ts';
import { CLIENT_IMAGE } from './images.ts';
import type { Joined } from './joined.ts';

const must = (condition: boolean, why: string): void => {
  if (!condition) throw new Error(why);
};
/** Of the certificate that nears its end: it is replaced after 70 to 90 %. */
const LIFE_MS = 12_000;
const clientOn = (node: string): string => `client-${node}`;
const SERVE = 'mkdir -p /tmp/www; echo "on $NODE" > /tmp/www/index.html; exec httpd -f -p 8080 -h /tmp/www';
/** A client on each machine, which answers too, and a Service of both families that leads to those that answer. */
const app = (nodes: readonly string[]) => ({
  apiVersion: 'v1',
  kind: 'List',
  items: [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'clients' },
      spec: { ipFamilyPolicy: 'RequireDualStack', selector: { app: 'client' }, ports: [{ port: 80, targetPort: 8080 }] },
    },
    ...nodes.map((node) => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: clientOn(node), labels: { app: 'client' } },
      spec: {
        nodeSelector: { 'kubernetes.io/hostname': node },
        terminationGracePeriodSeconds: 1,
        containers: [{ name: 'c', image: CLIENT_IMAGE, command: ['sh', '-c', SERVE], env: [{ name: 'NODE', value: node }] }],
      },
    })),
  ],
}); // prettier-ignore

/** What people expect of machines that have joined. */
export function joinedChecks({ control, machines }: Joined, archive: string): Check[] {
  const { kubectl } = control;
  const names = machines.map(({ name }) => name);
  const exec = (node: string, ...command: string[]): Promise<string> => kubectl(['exec', clientOn(node), '--', ...command]); // prettier-ignore
  const addressesOf = async (node: string): Promise<string[]> =>
    (await kubectl(['get', 'pod', clientOn(node), '-o', 'jsonpath={.status.podIPs[*].ip}'])).split(' ');
  const page = (node: string, host: string): Promise<string> =>
    exec(node, 'wget', '-q', '-O', '-', `http://${host.includes(':') ? `[${host}]` : host}/`);
  const serviceAnswers = async (): Promise<void> => {
    const ips = (await kubectl(['get', 'service', 'clients', '-o', 'jsonpath={.spec.clusterIPs[*]}'])).split(' ');
    must(ips.length === 2, `the Service has ${ips.join(', ')}`);
    for (const node of names)
      for (const host of ['clients', ...ips]) {
        const seen = new Set<string>();
        await eventually(`${node} hears both by ${host}`, async () => {
          seen.add(await page(node, host));
          return seen.size === names.length || undefined;
        });
      }
  };
  const kubelet = (node: string): string => join(machines.find(({ name }) => name === node)!.folder, 'node/kubelet');
  const current = (node: string): X509Certificate => new X509Certificate(readFileSync(join(pkiOf(kubelet(node)), CURRENT))); // prettier-ignore
  const issued = async (node: string): Promise<number> =>
    (await kubectl(['get', 'csr'])).split('\n').filter((line) => line.includes(`system:node:${node} `) && line.includes('Approved,Issued')).length; // prettier-ignore

  const onlyRulesOf = async (mode: string): Promise<void> => {
    for (const { machine } of machines) {
      const rules = (await machine.run('nft', 'list', 'ruleset')).stdout;
      const [nft, ipt] = [/^table ip6? kube-proxy/m.test(rules), /chain KUBE-SERVICES/.test(rules)];
      const own = (await machine.run('ip', '-o', 'address', 'show', 'dev', 'lo', 'scope', 'global')).stdout !== '';
      const seen = [...(nft ? ['nftables'] : []), ...(ipt ? ['iptables'] : []), ...(own ? ['userspace'] : [])];
      must(seen.join() === mode, `${machine.name} has those of ${seen.join(' and ')}`);
    }
  };

  return [
    {
      name: 'the machines have certificates, signed once each, though two may sign',
      work: async () => {
        for (const node of names) {
          await eventually(`a certificate of ${node}`, async () => (await issued(node)) > 0 || undefined);
          must((await issued(node)) === 1, `${node} was given ${await issued(node)}`);
          const ca = new X509Certificate(readFileSync(join(control.data, 'authority/pki/ca.crt')));
          await eventually(`it is with ${node}`, () => current(node).verify(ca.publicKey) || undefined);
        }
      },
    },
    {
      name: 'a machine knows where the API servers are: its kubelet.conf leads there from the machine itself',
      work: async () => {
        const kubectlProgram = await findKubectl();
        for (const { name, machine } of machines) {
          const conf = join(kubelet(name), 'kubelet.conf');
          const said = await eventually(`${name} is known at the door`, async () => {
            const { status, stdout, stderr } = await machine.run(kubectlProgram, `--kubeconfig=${conf}`, 'get', 'node', name, '-o', 'name'); // prettier-ignore
            if (status !== 0) throw new Error(stderr);
            return stdout.trim();
          });
          must(said === `node/${name}`, said);
        }
      },
    },
    {
      name: 'an app is applied and ready',
      work: async () => {
        const { status, stderr } = await control.kubus('load', '--data', join(control.data, 'admin'), archive);
        must(status === 0, stderr);
        await kubectl(['apply', '-f', '-'], JSON.stringify(app(names)));
        await kubectl(['wait', '--for=condition=Ready', 'pods', '-l', 'app=client', '--timeout=60s']);
      },
    },
    {
      name: 'pods reach the API servers by name, as their service accounts, and know them by the CA that they have',
      work: async () => {
        await kubectl(['create', 'clusterrolebinding', 'clients', '--clusterrole=view', '--serviceaccount=default:default']); // prettier-ignore
        const files = '/var/run/secrets/kubernetes.io/serviceaccount';
        for (const node of names) {
          // By variables and files, as client libraries do.
          must((await exec(node, 'kubectl', 'get', 'pods', '-o', 'name')).includes(clientOn(node)), 'it sees no pods');
          const byName = `kubectl --server=https://kubernetes.default.svc --certificate-authority=${files}/ca.crt --token=$(cat ${files}/token) auth whoami`; // prettier-ignore
          const who = await exec(node, 'sh', '-c', byName);
          must(who.includes('system:serviceaccount:default:default'), who);
          const stranger = await exec(node, 'kubectl', 'delete', 'pod', clientOn(node)).then(() => 'deleted', String);
          must(stranger.includes('Forbidden'), stranger);
        }
      },
    },
    {
      name: 'pods of one machine reach those of the other by both families',
      work: async () => {
        for (const from of names)
          for (const to of names)
            for (const ip of await addressesOf(to)) {
              const url = `http://${ip.includes(':') ? `[${ip}]` : ip}:8080/`;
              const said = await exec(from, 'wget', '-q', '-O', '-', url);
              must(said.trim() === `on ${to}`, `${from} asked ${ip}: ${said}`);
            }
        return (await addressesOf(names[0]!)).join(', ');
      },
    },
    {
      name: 'machines reach pods of each other by both families',
      work: async () => {
        for (const { machine } of machines)
          for (const to of names)
            for (const ip of await addressesOf(to)) {
              const url = `http://${ip.includes(':') ? `[${ip}]` : ip}:8080/`;
              const { stdout, stderr } = await machine.run('busybox', 'wget', '-q', '-O', '-', url);
              must(stdout.trim() === `on ${to}`, `${machine.name} asked ${ip}: ${stderr}`);
            }
      },
    },
    { name: 'a Service leads to both machines, by name and by both families', work: serviceAnswers },
    ...(['iptables', 'userspace', 'nftables'] as const).map((mode) => ({
      name: `Services are there by --proxy-mode ${mode} too, and nothing of the one before stays`,
      work: async () => {
        for (const one of machines) {
          await one.restart('--proxy-mode', mode);
          const { stdout } = await one.machine.run(
            'busybox',
            'wget',
            '-q',
            '-O',
            '-',
            'http://127.0.0.1:10249/proxyMode',
          );
          must(stdout === mode, `it says ${stdout}`);
        }
        await serviceAnswers();
        await onlyRulesOf(mode);
      },
    })),
    {
      name: 'a mode that the machine cannot have is refused before anything is changed',
      work: async () => {
        const [one] = machines;
        const said = await one!.refusal('--proxy-mode', 'ipvs');
        must(/--proxy-mode ipvs: /.test(said) || said === '', said);
        return said.trim() || 'this machine has ipvs';
      },
    },
    {
      name: 'a certificate that nears its end is replaced; while no signer runs, what is approved waits for one',
      work: async () => {
        const [one] = machines;
        const node = one!.name;
        const before = await issued(node);
        const { pem, key } = makeRequest(node);
        const until = Date.now() + LIFE_MS;
        const authority = signerIn(join(control.data, 'authority/pki'))!;
        const old = await authority.sign(pem, ['digital signature', 'client auth'], { from: Date.now() - 1000, until });
        await pairStore(pkiOf(kubelet(node))).write(formatKeyPair(old, key), Date.now());
        await control.end('certificate-signer');
        await one!.restart();
        const waiting = async (): Promise<true | undefined> =>
          (await kubectl(['get', 'csr'])).split('\n').some((line) => line.includes(`system:node:${node} `) && /Approved\s*$/.test(line)) || undefined; // prettier-ignore
        await eventually('a request that waits', waiting);
        control.start('certificate-signer');
        await eventually('another certificate', () => Date.parse(current(node).validTo) > until + 60_000 || undefined);
        must((await issued(node)) === before + 1, 'it asked more than once');
      },
    },
    {
      name: 'a machine that was cut off mid-way comes back by another --proxy-mode, without what the one before left',
      work: async () => {
        const [one] = machines;
        for (const mode of ['iptables', 'userspace']) {
          await one!.restart('--proxy-mode', mode);
          await one!.crash();
        }
        await one!.restart('--proxy-mode', 'nftables');
        await kubectl(['wait', '--for=condition=Ready', `pod/${clientOn(one!.name)}`, '--timeout=60s']);
        await serviceAnswers();
        await onlyRulesOf('nftables');
        await one!.restart();
      },
    },
  ];
}
