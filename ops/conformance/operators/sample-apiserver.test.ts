import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../../cluster/ports.ts';
import { findKubectl } from '../../fetch/kubectl.ts';
import { upForTest, type TestCluster } from '../../testing/cluster.ts';
import {
  accountKubeconfig,
  eventually,
  install,
  missing,
  run,
  servingCertificate,
  source,
  type Manifest,
  type Running,
} from './operator.ts';

const lacking = missing('wardle');
/** What the server's library asks for since it knows mutating policies, and its example does not grant yet. */
const rights = {
  apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name: 'wardle-policies' },
  rules: [{ apiGroups: ['admissionregistration.k8s.io'], resources: ['*'], verbs: ['get', 'list', 'watch'] }],
}; // prettier-ignore
const binding = (role: string, subject: object): object => ({
  apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRoleBinding', metadata: { name: role },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role }, subjects: [subject],
}); // prettier-ignore
const apiService = (version: string, caBundle: string): object => ({
  apiVersion: 'apiregistration.k8s.io/v1', kind: 'APIService', metadata: { name: `${version}.wardle.example.com` },
  spec: { group: 'wardle.example.com', version, caBundle, groupPriorityMinimum: 1000, versionPriority: 15, service: { name: 'api', namespace: 'wardle' } },
}); // prettier-ignore
const flunder = (name: string, metadata: object = {}, spec: object = {}): object => ({
  apiVersion: 'wardle.example.com/v1beta1',
  kind: 'Flunder',
  metadata: { name, ...metadata },
  spec,
});

// Its objects lie in Kubus' own store, behind the etcd door.
describe.skipIf(lacking !== '')(
  `the sample API server${lacking && ` (skipped: ${lacking})`}`,
  { timeout: 300_000 },
  () => {
    let dir: string;
    let cluster: TestCluster;
    let server: Running;
    let start: () => Running;
    beforeAll(async () => {
      dir = mkdtempSync(join(tmpdir(), 'kubus-wardle-'));
      const [etcd, port] = [await freePort(), await freePort()];
      cluster = await upForTest(['--nodes', '0', '--etcd-port', String(etcd)], { dir });
      const certs = join(dir, 'certs');
      const ca = await servingCertificate(certs, 'api', 'wardle');
      const examples = source('wardle', 'artifacts/example');
      const manifests = readdirSync(examples).filter((file) => file !== 'apiservice.yaml')
      .flatMap((file) => parseAllDocuments(readFileSync(join(examples, file), 'utf8')).map((d) => d.toJS() as Manifest)); // prettier-ignore
      manifests.sort((a, b) => Number(b.kind === 'Namespace') - Number(a.kind === 'Namespace'));
      await install(cluster, manifests, { port });
      const account = { kind: 'ServiceAccount', name: 'apiserver', namespace: 'wardle' };
      const bundle = Buffer.from(ca).toString('base64');
      await apply(
        rights,
        binding('wardle-policies', account),
        apiService('v1alpha1', bundle),
        apiService('v1beta1', bundle),
      );
      const kubeconfig = await accountKubeconfig(cluster, join(dir, 'wardle.kubeconfig'), 'wardle', 'apiserver');
      const key = (name: string): string => join(cluster.data, 'pki/etcd', name);
      start = () => run('wardle', [
      ...['', 'authentication-', 'authorization-'].map((of) => `--${of}kubeconfig=${kubeconfig}`),
      `--etcd-servers=https://127.0.0.1:${etcd}`, `--etcd-cafile=${key('ca.crt')}`, `--etcd-certfile=${key('client.crt')}`, `--etcd-keyfile=${key('client.key')}`,
      `--secure-port=${port}`, `--tls-cert-file=${join(certs, 'tls.crt')}`, `--tls-private-key-file=${join(certs, 'tls.key')}`,
    ]); // prettier-ignore
      server = start();
      await cluster.kubectl([
        'wait',
        '--for=condition=Available',
        'apiservice/v1alpha1.wardle.example.com',
        'apiservice/v1beta1.wardle.example.com',
        '--timeout=90s',
      ]);
    }, 240_000);
    afterAll(async () => {
      await server?.stop('SIGKILL');
      await cluster?.stop();
      if (dir !== undefined) rmSync(dir, { recursive: true, force: true });
    });
    const apply = (...items: object[]): Promise<string> =>
      cluster.kubectl(['apply', '--server-side', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
    const isGone = (what: string, ...args: string[]): Promise<true> =>
      eventually(
        `the end of ${what}`,
        async () => (await cluster.kubectl(['get', what, ...args, '--ignore-not-found'])) === '' || undefined,
      );
    const uid = (what: string): Promise<string> => cluster.kubectl(['get', what, '-o', 'jsonpath={.metadata.uid}']);
    const ownedBy = async (apiVersion: string, kind: string, name: string): Promise<object> => ({
      ownerReferences: [
        { apiVersion, kind, name, uid: await uid(`${kind.toLowerCase()}/${name}`), blockOwnerDeletion: true },
      ],
    });

    it('is discovered, described and asked in both its versions', async () => {
      await eventually(
        'its kinds',
        async () =>
          (await cluster.kubectl(['api-resources', '--api-group=wardle.example.com', '-o', 'name'])) ===
            'fischers.wardle.example.com\nflunders.wardle.example.com\n' || undefined,
      );
      await eventually(
        'its words',
        async () =>
          (await cluster.kubectl(['explain', 'flunder.spec', '--api-version=wardle.example.com/v1beta1'])).includes(
            'flunderReference\t<string>',
          ) || undefined,
      );
      expect(
        await apply(flunder('a', { labels: { is: 'a' } }, { flunderReference: 'b', referenceType: 'Flunder' })),
      ).toBe('flunder.wardle.example.com/a serverside-applied\n');
      const old = JSON.parse(
        await cluster.kubectl([
          'get',
          'flunders.v1alpha1.wardle.example.com',
          'a',
          '-o',
          'json',
          '--show-managed-fields',
        ]),
      ) as object;
      expect(old).toMatchObject({
      apiVersion: 'wardle.example.com/v1alpha1', spec: { reference: 'b', referenceType: 'Flunder' },
      metadata: { managedFields: [{ apiVersion: 'wardle.example.com/v1beta1', manager: 'kubectl', operation: 'Apply' }] },
    }); // prettier-ignore
      await cluster.kubectl([
        'patch',
        'flunder',
        'a',
        '--type=json',
        '-p',
        '[{"op":"add","path":"/metadata/annotations","value":{"b":"c"}}]',
      ]);
      expect(
        await cluster.kubectl(['get', 'flunders', '-l', 'is=a', '-o', 'jsonpath={.items[*].metadata.annotations}']),
      ).toBe('{"b":"c"}');
    });
    it('asks this cluster who may, and what is admitted', async () => {
      const asJane = (...args: string[]): Promise<string> => cluster.kubectl([...args, '--as=jane']);
      await expect(asJane('get', 'flunders')).rejects.toThrow(
        'User "jane" cannot list resource "flunders" in API group "wardle.example.com"',
      );
      await cluster.kubectl([
        'create',
        'clusterrole',
        'jane',
        '--verb=get,list',
        '--resource=flunders.wardle.example.com',
      ]);
      await apply(binding('jane', { kind: 'User', name: 'jane' }));
      // A refusal is kept for ten seconds.
      await eventually('her right', () => asJane('get', 'flunder', 'a'));
      await expect(asJane('delete', 'flunder', 'a')).rejects.toThrow('User "jane" cannot delete resource "flunders"');
      await apply({
        apiVersion: 'wardle.example.com/v1alpha1',
        kind: 'Fischer',
        metadata: { name: 'ban' },
        disallowedFlunders: ['banned'],
      });
      await eventually(
        'the ban',
        async () =>
          (
            await apply(flunder('banned')).then(
              () => cluster.kubectl(['delete', 'flunder', 'banned']),
              (e: Error) => e.message,
            )
          ).includes('this name may not be used') || undefined,
      );
      // Policies are this cluster's, and enforced there.
      await apply(
      { apiVersion: 'admissionregistration.k8s.io/v1', kind: 'ValidatingAdmissionPolicy', metadata: { name: 'short' }, spec: { matchConstraints: { resourceRules: [{ apiGroups: ['wardle.example.com'], apiVersions: ['*'], operations: ['CREATE'], resources: ['flunders'] }] }, validations: [{ expression: 'object.metadata.name.size() < 9' }] } },
      { apiVersion: 'admissionregistration.k8s.io/v1', kind: 'ValidatingAdmissionPolicyBinding', metadata: { name: 'short' }, spec: { policyName: 'short', validationActions: ['Deny'] } },
    ); // prettier-ignore
      await eventually(
        'the policy',
        async () =>
          (
            await cluster
              .kubectl(['create', '-f', '-', '--dry-run=server'], JSON.stringify(flunder('much-too-long')))
              .catch((e: Error) => e.message)
          ).includes(`ValidatingAdmissionPolicy 'short' with binding 'short' denied request`) || undefined,
      );
    });
    it('has its objects collected and their owners wait for them, and goes with a namespace', async () => {
      await apply(flunder('owner'));
      await apply({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'owned', ...(await ownedBy('wardle.example.com/v1beta1', 'Flunder', 'owner')) },
      });
      await cluster.kubectl(['delete', 'flunder', 'owner']);
      await isGone('configmap', 'owned');
      await cluster.kubectl(['create', 'configmap', 'owner']);
      await apply(flunder('owned', await ownedBy('v1', 'ConfigMap', 'owner')));
      await cluster.kubectl(['delete', 'configmap', 'owner', '--cascade=foreground', '--timeout=40s']);
      expect(await cluster.kubectl(['get', 'flunder', 'owned', '--ignore-not-found'])).toBe('');
      await cluster.kubectl(['create', 'namespace', 'doomed']);
      await apply(flunder('inside', { namespace: 'doomed' }));
      await cluster.kubectl(['delete', 'namespace', 'doomed', '--timeout=60s']);
      expect(await cluster.kubectl(['get', 'flunders', '-A', '-o', 'name'])).toBe('flunder.wardle.example.com/a\n');
    });
    it('dies mid-watch: that ends, a namespace waits, and all goes on when it is back', async () => {
      const watch = spawn(
        await findKubectl(),
        ['--kubeconfig', cluster.kubeconfig, 'get', 'flunders', '--watch-only', '-o', 'name'],
        { stdio: ['ignore', 'pipe', 'ignore'] },
      );
      const over = new Promise((resolve) => watch.once('exit', resolve));
      let seen = '';
      watch.stdout.on('data', (d: Buffer) => (seen += d.toString()));
      let n = 0;
      await eventually('a watch', async () => {
        await cluster.kubectl(['label', 'flunder', 'a', `n=${n++}`, '--overwrite']);
        return seen !== '' || undefined;
      });
      await server.stop('SIGKILL');
      await over;
      await expect(cluster.kubectl(['get', 'flunders'])).rejects.toThrow(
        'the server is currently unable to handle the request',
      );
      await cluster.kubectl(['create', 'namespace', 'waits']);
      await cluster.kubectl(['delete', 'namespace', 'waits', '--wait=false']);
      await eventually(
        'the reason',
        async () =>
          (
            await cluster.kubectl([
              'get',
              'namespace',
              'waits',
              '-o',
              'jsonpath={.status.conditions[?(@.type=="NamespaceDeletionDiscoveryFailure")].message}',
            ])
          ).includes('stale GroupVersion discovery: wardle.example.com/v1beta1') || undefined,
      );
      server = start();
      await eventually('its objects', () => cluster.kubectl(['get', 'flunder', 'a']));
      await cluster.kubectl(['wait', '--for=delete', 'namespace/waits', '--timeout=60s']);
    });
  },
);
