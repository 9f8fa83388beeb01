import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Pod } from '../../../schemas/generated/core-v1.ts';
import { pods } from '../../../actors/runtime/resources.ts';
import { bench, type Bench } from '../testing/kubelet.ts';
import { podOfManifest } from './manifest.ts';
import { due } from './mirrors.ts';
import { startStaticPods } from './static-pods.ts';

const at = { path: '/m/web.yaml', nodeName: 'n1' };
const manifest = (more = '', name = 'web'): string => `apiVersion: v1
kind: Pod
metadata: {name: ${name}, labels: {a: b}}
spec:
  terminationGracePeriodSeconds: 5
  containers: [{name: main, image: "app:1"${more}}]
`;

describe('a manifest', () => {
  it('is a pod of its node, with a uid of its own and whatever it leaves out', async () => {
    const pod = await podOfManifest(manifest(), at);
    expect(pod.metadata).toMatchObject({ name: 'web-n1', namespace: 'default', labels: { a: 'b' } });
    expect(pod.metadata.uid).toMatch(/^[0-9a-f]{32}$/);
    expect(pod.metadata.annotations).toEqual({ 'kubernetes.io/config.hash': pod.metadata.uid, 'kubernetes.io/config.source': 'file' });
    expect(pod.spec).toMatchObject({ nodeName: 'n1', restartPolicy: 'Always', enableServiceLinks: true, tolerations: [{ operator: 'Exists', effect: 'NoExecute' }] });
    expect(pod.spec?.containers[0]).toMatchObject({ imagePullPolicy: 'IfNotPresent', terminationMessagePath: '/dev/termination-log' });
    expect(pod.status).toEqual({ phase: 'Pending' });
    const uidOf = async (text: string, path = at.path) => (await podOfManifest(text, { ...at, path })).metadata.uid;
    expect(await uidOf(manifest())).toBe(pod.metadata.uid);
    expect(await uidOf(manifest(), '/m/other.yaml')).not.toBe(pod.metadata.uid);
    expect(await uidOf(manifest(', tty: true'))).not.toBe(pod.metadata.uid);
    expect(await uidOf(JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'x', uid: 'own' }, spec: { containers: [{ name: 'c', image: 'i' }] } }))).toBe('own');
  }); // prettier-ignore
  const volume = (text: string): string => `${manifest()}  volumes: [{name: v, ${text}}]\n`;
  it.each([
    ['', "couldn't parse as pod(it is of no kind), please check config file"],
    ['a: [', 'yaml: '],
    ['apiVersion: v1\nkind: Service\nmetadata: {name: x}', "couldn't parse as pod(it is v1/Service), please check config file"],
    ['apiVersion: v1\nkind: Pod\nspec: {containers: []}', 'invalid pod: name is needed for the pod'],
    ['apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {containers: [{name: A, image: i}]}', 'invalid pod: [spec.containers[0].name: Invalid value: "A"'],
    ['apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {containers: 3}', 'cannot be handled as a Pod'],
    [manifest(', env: [{name: A, valueFrom: {secretKeyRef: {name: s, key: k}}}]'), 'static pods may not reference secrets'],
    [manifest(', envFrom: [{configMapRef: {name: s}}]'), 'static pods may not reference configmaps'],
    [`${manifest()}  serviceAccountName: s\n`, 'static pods may not reference serviceaccounts'],
    [volume('configMap: {name: c}'), 'static pods may not reference configmaps (via configmap volumes)'],
    [volume('persistentVolumeClaim: {claimName: c}'), 'static pods may not reference persistentvolumeclaims'],
    [volume('projected: {sources: [{configMap: {name: c}}]}'), 'static pods may not reference configmaps (via projected volumes)'],
  ])('is refused: %s', async (text, why) => expect(podOfManifest(text, at)).rejects.toThrow(why)); // prettier-ignore
  it('may have what needs no API', async () => {
    for (const text of ['emptyDir: {}', 'hostPath: {path: /x}', 'projected: {sources: [{downwardAPI: {items: [{path: p, fieldRef: {fieldPath: metadata.name}}]}}]}'])
      expect((await podOfManifest(volume(text), at)).spec?.volumes).toHaveLength(1);
  }); // prettier-ignore
});
it('a mirror is made, or goes, as its pod says', () => {
  const pod = (hash: string): Pod => ({ metadata: { annotations: { 'kubernetes.io/config.hash': hash } } }) as unknown as Pod;
  const mirror = (hash: string, deletionTimestamp?: string): Pod => ({ metadata: { annotations: { 'kubernetes.io/config.mirror': hash }, deletionTimestamp } }) as unknown as Pod;
  expect([due(undefined, undefined), due(pod('1'), undefined), due(pod('1'), mirror('1')), due(pod('1'), mirror('2')), due(undefined, mirror('1')), due(pod('1'), mirror('1', 'now'))]).toEqual(
    [undefined, 'create', undefined, 'delete', 'delete', 'delete']);
}); // prettier-ignore

describe('pods of files', () => {
  let folder = '';
  let b: Bench;
  const write = (name: string, text: string): Promise<void> => writeFile(join(folder, name), text);
  /** Files change in a time of their own, kubelets look in the test's. */
  async function until(holds: () => boolean): Promise<void> {
    for (let tries = 0; tries < 400 && !holds(); tries++) {
      await b.world.advance(1_000);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    expect(holds()).toBe(true);
  }
  const mirror = (name = 'web-n1'): Pod | undefined => b.pod(name);
  const isRunning = (name = 'web-n1') => mirror(name)?.status?.phase === 'Running';
  beforeEach(async () => {
    folder = join(await mkdtemp(join(tmpdir(), 'kbH')), 'manifests');
  });
  afterEach(async () => {
    await b.stop();
    await rm(join(folder, '..'), { recursive: true, force: true });
  });
  const begin = async (): Promise<void> => {
    // The test itself waits: files are read in no time of the test's.
    b = await bench({ podCIDR: '10.244.7.0/24' }, undefined, { staticPods: (host) => startStaticPods(folder, host) });
  };
  it('run, and the API is shown a mirror of each with its status', async () => {
    await mkdir(folder);
    await write('web.yaml', manifest());
    await write('.hidden.yaml', manifest('', 'hidden'));
    await write('bad.yaml', 'kind: Nonsense');
    await mkdir(join(folder, 'folder'));
    await begin();
    await until(isRunning);
    const { metadata, spec } = mirror()!;
    expect(metadata.annotations).toMatchObject({ 'kubernetes.io/config.mirror': metadata.annotations?.['kubernetes.io/config.hash'], 'kubernetes.io/config.source': 'file' });
    expect(metadata.annotations?.['kubernetes.io/config.seen']).toBeDefined();
    expect(metadata.uid).not.toBe(metadata.annotations?.['kubernetes.io/config.hash']);
    expect(metadata.ownerReferences).toEqual([{ apiVersion: 'v1', kind: 'Node', name: 'n1', uid: b.node().metadata.uid, controller: true }]);
    expect(spec?.nodeName).toBe('n1');
    expect(b.api.objects<Pod>(pods)).toHaveLength(1);
  }); // prettier-ignore
  it('go on when their mirror is deleted, which comes back', async () => {
    await begin();
    await write('web.yaml', manifest());
    await until(isRunning);
    const before = mirror()!;
    await b.api.client().delete(pods, 'web-n1', 'default', { gracePeriodSeconds: 0 });
    await until(() => mirror() !== undefined && mirror()!.metadata.uid !== before.metadata.uid && isRunning());
    const idOf = (pod: Pod) => pod.status?.containerStatuses?.[0]?.containerID;
    expect(idOf(mirror()!)).toBe(idOf(before));
  });
  it('end with their file, are replaced when it changes, and wait for one of the same name', async () => {
    await begin();
    await write('web.yaml', manifest());
    await until(isRunning);
    const first = mirror()!;
    await write('web.yaml', manifest(', tty: true'));
    await until(() => mirror()?.spec?.containers[0]?.tty === true && isRunning());
    expect(mirror()!.metadata.uid).not.toBe(first.metadata.uid);
    expect(b.told('web-n1')).toContain('Killing: Stopping container main');
    await rm(join(folder, 'web.yaml'));
    await until(() => mirror() === undefined && b.kubelet.podStates().size === 0);
  });
  it('do not outlive a kubelet as mirrors, where their file has gone meanwhile', async () => {
    await begin();
    await write('web.yaml', manifest());
    await until(isRunning);
    await b.stop();
    await rm(join(folder, 'web.yaml'));
    await b.restart();
    await until(() => mirror() === undefined);
  });
});
