import { expect, it } from 'vitest';
import * as resources from '../../actors/runtime/resources.ts';
import { certificateSigningRequests } from '../../actors/runtime/certificate-requests.ts';
import type { CertificateSigningRequest } from '../../schemas/generated/certificates-v1.ts';
import type { ConfigMap, Secret, ServiceAccount } from '../../schemas/generated/core-v1.ts';
import type { ClusterRole } from '../../schemas/generated/rbac-v1.ts';
import { reasonOf } from '../../schemas/meta/status.ts';
import { formatTime } from '../../schemas/meta/time.ts';
import { startSimulatedCluster } from '../testing/simulated-cluster.ts';

/** Of a key that nobody has kept, for O=system:nodes, CN=system:node:n9. */
const REQUEST = `-----BEGIN CERTIFICATE REQUEST-----
MIHqMIGSAgEAMDAxFTATBgNVBAoMDHN5c3RlbTpub2RlczEXMBUGA1UEAwwOc3lz
dGVtOm5vZGU6bjkwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAASsf3Qm8SOIWDhi
01gU5RTeGFCPreJSIukLuO7h/wT3bB9fvzyuwwHXWgpXOylsGuP6Wrbslh0ujPI9
64HgxVsCoAAwCgYIKoZIzj0EAwIDRwAwRAIgXl4jUevsWmtdloF1BM5PWFofSrxe
Le+zwfbvZsMhnKgCIDsqsGWYsZZvD3g+bAKRf60D58vI1Jr4oVM5t3LthfUq
-----END CERTIFICATE REQUEST-----
`;
const clusterRoles = { group: 'rbac.authorization.k8s.io', version: 'v1', resource: 'clusterroles' };

it('controllers of identities do their work with the rights that upstream gives them', async () => {
  const cluster = await startSimulatedCluster(5, [], {
    authority: {
      issueToken: (claims) => `signed.${JSON.stringify(claims).length}.x`,
      readRequest: async () => ({ commonName: 'system:node:n9', organizations: ['system:nodes'], dnsNames: [], addresses: [], emails: [], uris: [] }), // prettier-ignore
    },
  });
  const { admin, simulation } = cluster;
  const done = async <T>(work: Promise<T>): Promise<T> => {
    let settled = false;
    const finished = work.finally(() => (settled = true));
    finished.catch(() => undefined);
    await simulation.run(() => settled, 60_000);
    return finished;
  };
  const until = async (what: string, holds: () => Promise<boolean>): Promise<void> => {
    for (let i = 0; i < 60; i++) {
      if (await done(holds())) return;
      await simulation.advance(500);
    }
    throw new Error(`${what}: not within 30 simulated seconds`);
  };
  const secret = (namespace: string, name: string) =>
    admin.get<Secret>(resources.secrets, name, namespace).catch((error: unknown) => {
      if (reasonOf(error) === 'NotFound') return undefined;
      throw error;
    });
  const v1 = (kind: string) => ({ apiVersion: 'v1', kind });
  const token = (id: string, more: Record<string, string>): Secret => ({
    ...v1('Secret'), metadata: { name: `bootstrap-token-${id}`, namespace: 'kube-system' }, type: 'bootstrap.kubernetes.io/token',
    stringData: { 'token-id': id, 'token-secret': '0123456789abcdef', 'usage-bootstrap-signing': 'true', ...more },
  }); // prettier-ignore

  await done(admin.create<ServiceAccount>(resources.serviceAccounts, { ...v1('ServiceAccount'), metadata: { name: 'robot', namespace: 'default' } })); // prettier-ignore
  const annotations = { 'kubernetes.io/service-account.name': 'robot' };
  await done(admin.create<Secret>(resources.secrets, { ...v1('Secret'), metadata: { name: 's', namespace: 'default', annotations }, type: 'kubernetes.io/service-account-token' })); // prettier-ignore
  await until('the account has a token', async () => Object.keys((await secret('default', 's'))?.data ?? {}).length === 3); // prettier-ignore
  await done(admin.delete(resources.serviceAccounts, 'robot', 'default'));
  await until('it goes with the account', async () => (await secret('default', 's')) === undefined);

  await done(admin.create<ConfigMap>(resources.configMaps, { ...v1('ConfigMap'), metadata: { name: 'cluster-info', namespace: 'kube-public' }, data: { kubeconfig: 'k' } })); // prettier-ignore
  await done(
    admin.create(resources.secrets, token('aaaaaa', { expiration: formatTime(simulation.now() / 1000 + 5_000) })),
  );
  await done(admin.create(resources.secrets, token('bbbbbb', {})));
  const signers = async () =>
    Object.keys((await admin.get<ConfigMap>(resources.configMaps, 'cluster-info', 'kube-public')).data!).join();
  await until('both sign', async () => (await signers()).split(',').length === 3);
  await until('one is gone', async () => (await secret('kube-system', 'bootstrap-token-aaaaaa')) === undefined);
  await until('one signs', async () => (await signers()) === 'jws-kubeconfig-bbbbbb,kubeconfig');

  const spec: CertificateSigningRequest['spec'] = { signerName: 'kubernetes.io/kube-apiserver-client-kubelet', usages: ['digital signature', 'client auth'], request: Buffer.from(REQUEST).toString('base64') }; // prettier-ignore
  await done(admin.create<CertificateSigningRequest>(certificateSigningRequests, { apiVersion: 'certificates.k8s.io/v1', kind: 'CertificateSigningRequest', metadata: { name: 'n9' }, spec })); // prettier-ignore
  await until('the request is approved', async () => (await admin.get<CertificateSigningRequest>(certificateSigningRequests, 'n9')).status?.conditions?.[0]?.reason === 'AutoApproved'); // prettier-ignore
  const admins = async () => (await admin.get<ClusterRole>(clusterRoles, 'admin')).rules?.length ?? 0;
  await until('roles are put together', async () => (await admins()) > 10);
  const { conditions } = (await done(admin.get<CertificateSigningRequest>(certificateSigningRequests, 'n9'))).status!;
  expect(conditions).toHaveLength(1);
  await cluster.stop();
});
