import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually, type TestCluster } from '../../testing/cluster.ts';
import type { Check } from '../real-nodes/checks.ts';
import { agentOf } from '../real-nodes/faults.ts';
import type { Front } from './front.ts';
import { at, HOSTS, USER } from './names.ts';
import { expectText, must, placeOf, podsOf } from './pods.ts';

/** A program that knows the credentials; it notes what it was asked. */
export function writeProvider(dir: string): { readonly config: string; readonly programs: string; readonly asked: string } {
  const programs = join(dir, 'programs');
  const asked = join(dir, 'asked');
  mkdirSync(programs, { recursive: true });
  const auth = { [placeOf(HOSTS.basic, '/provided')]: { username: USER.name, password: USER.password } };
  const answer = { kind: 'CredentialProviderResponse', apiVersion: 'credentialprovider.kubelet.k8s.io/v1', cacheKeyType: 'Registry', auth };
  writeFileSync(join(programs, 'knows'), `#!/bin/sh\ncat >> "$NOTE"\necho "$@" >> "$NOTE"\necho '${JSON.stringify(answer)}'\n`);
  chmodSync(join(programs, 'knows'), 0o755);
  const config = join(dir, 'providers.yaml');
  const provider = {
    name: 'knows', matchImages: [placeOf(HOSTS.basic, '/provided')], defaultCacheDuration: '1h', args: ['--for', 'nodes'],
    apiVersion: 'credentialprovider.kubelet.k8s.io/v1', env: [{ name: 'NOTE', value: asked }],
    tokenAttributes: { serviceAccountTokenAudience: 'registry.test', cacheType: 'ServiceAccount', requireServiceAccount: true, requiredServiceAccountAnnotationKeys: ['registry.test/user'] },
  };
  writeFileSync(config, JSON.stringify({ kind: 'CredentialProviderConfig', apiVersion: 'kubelet.config.k8s.io/v1', providers: [provider] }));
  return { config, programs, asked };
} // prettier-ignore

/** Who may have what a node has, and who knows credentials besides. `nodeFolder`: of the one node. */
export function accessChecks(cluster: TestCluster, front: Front, nodeFolder: string, provider: { readonly asked: string }, archive: string): Check[] {
  const pods = podsOf(cluster);
  const { run, ready, waits, heard, end, secret } = pods;
  const agent = async (): Promise<void> => {
    const node = await cluster.kubectl(['get', 'nodes', '-o', 'jsonpath={.items[0].metadata.name}']);
    const old = agentOf(node);
    for (const pid of old) process.kill(pid, 'SIGKILL');
    await eventually('another agent', () => (agentOf(node).some((pid) => !old.includes(pid)) ? true : undefined));
  };
  const image = at('basic', 'mine/app:1');
  const manifests = (): number => front.asked.filter((line) => line.includes('/mine/app/')).length;
  const denied = async (name: string): Promise<void> => {
    await run(name, { image });
    expectText((await waits(name, 'ImagePullBackOff')).message, /401 Unauthorized|no basic auth credentials/);
    await end(name);
  };
  return [
    {
      name: 'what one pulled with a Secret nobody else may use, also after the node agent was killed',
      work: async () => {
        await secret('mine', [placeOf(HOSTS.basic, '/mine')]);
        await run('owner', { image, secrets: ['mine'] });
        await ready('owner');
        await denied('guest');
        await run('guest-never', { image, policy: 'Never' });
        must((await waits('guest-never', 'ErrImageNeverPull')).message === `Container image "${image}" is not present with pull policy of Never`, 'it says that the image is there');
        await end('guest-never');
        await agent();
        await denied('late-guest');
        const before = manifests();
        await secret('same-words', [placeOf(HOSTS.basic, '/mine')]);
        await run('friend', { image, secrets: ['same-words'], policy: 'Never' });
        await ready('friend');
        must(manifests() === before, 'who has the same words asked the registry');
        await heard('friend', /already present on machine and can be accessed by the pod$/);
        await end('owner', 'friend');
      },
    },
    {
      name: 'a program that knows credentials is asked with a token of the pod’s account, and once',
      work: async () => {
        const provided = at('basic', 'provided/app:1');
        for (const name of ['known', 'unknown'])
          await pods.apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, ...(name === 'known' && { annotations: { 'registry.test/user': 'me' } }) } });
        // A node may ask for tokens for those that pods name, and for whom it is let.
        await pods.apply({ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name: 'tokens-for-registry' }, rules: [{ apiGroups: [''], resources: ['registry.test'], verbs: ['request-serviceaccounts-token-audience'] }] });
        await pods.apply({ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRoleBinding', metadata: { name: 'tokens-for-registry' }, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'tokens-for-registry' }, subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'system:nodes' }] });
        await run('known', { image: provided, account: 'known' });
        await ready('known');
        await run('stranger', { image: provided, account: 'unknown' });
        expectText((await waits('stranger', 'ImagePullBackOff')).message, /401 Unauthorized|no basic auth credentials/);
        await run('again', { image: at('basic', 'provided/again:1'), account: 'known' });
        await run('same', { image: provided, account: 'known', policy: 'Never' });
        await ready('again', 'same');
        const [request = '', args, ...more] = readFileSync(provider.asked, 'utf8').trim().split('\n');
        const { serviceAccountToken = '', ...rest } = JSON.parse(request) as { serviceAccountToken?: string };
        must(JSON.stringify(rest) === JSON.stringify({ kind: 'CredentialProviderRequest', apiVersion: 'credentialprovider.kubelet.k8s.io/v1', image: placeOf(HOSTS.basic, '/provided/app'), serviceAccountAnnotations: { 'registry.test/user': 'me' } }), request);
        const claims = JSON.parse(Buffer.from(serviceAccountToken.split('.')[1] ?? '', 'base64url').toString()) as { aud: string[]; sub: string };
        must(claims.aud.join() === 'registry.test' && claims.sub === 'system:serviceaccount:default:known', JSON.stringify(claims));
        must(args === '--for nodes' && more.length === 0, `asked: ${[args, ...more].join('; ')}`);
        await end('known', 'stranger', 'again', 'same');
      },
    },
    {
      name: 'kubelet-config.yaml: AlwaysVerify, one pull at a time',
      work: async () => {
        const { status, stderr } = await cluster.kubus('load', '--name', cluster.name, archive);
        must(status === 0, stderr);
        await run('loaded', { image: 'registry.local/loaded:1' });
        await ready('loaded');
        const file = join(nodeFolder, 'kubelet-config.yaml');
        writeFileSync(file, 'kind: KubeletConfiguration\napiVersion: kubelet.config.k8s.io/v1beta1\nimagePullCredentialsVerificationPolicy: AlwaysVerify\nserializeImagePulls: true\n');
        await agent();
        await run('verified', { image: 'registry.local/loaded:1', policy: 'Never' });
        await waits('verified', 'ErrImageNeverPull');
        front.most = 0;
        front.pace = 200_000;
        const names = ['one', 'two', 'three'];
        for (const [i, name] of names.entries()) await run(name, { image: at('slow', `serial-${i}:1`), secrets: ['slow'] });
        await ready(...names);
        must(front.most === 1, `${front.most} at once`);
        rmSync(file);
        await agent();
        await ready('verified');
        await end('loaded', 'verified', ...names);
      },
    },
  ];
} // prettier-ignore
