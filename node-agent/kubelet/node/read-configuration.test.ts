import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { DEFAULTS } from './configuration.ts';
import { readKubeletConfiguration } from './read-configuration.ts';

let folder: string;
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'kbi-'))));
afterAll(() => rm(folder, { recursive: true }));
const HEAD = 'apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n';
async function read(text: string, unknown: string[] = []) {
  const file = join(folder, 'kubelet-config.yaml');
  await writeFile(file, text);
  return readKubeletConfiguration(file, DEFAULTS, (fields) => unknown.push(...fields));
}
it('a file that is not there says nothing', async () => {
  expect(await readKubeletConfiguration(join(folder, 'nowhere'), DEFAULTS, () => undefined)).toBe(DEFAULTS);
});
it('what it says counts, what it does not say stays, and what nobody goes by is told', async () => {
  const unknown: string[] = [];
  const configuration = await read(`${HEAD}maxPods: 20\nevictionHard:\n  memory.available: 1Gi\nclusterDNS: [10.96.0.10]\n`, unknown); // prettier-ignore
  expect(configuration).toEqual({ ...DEFAULTS, maxPods: 20, evictionHard: { 'memory.available': '1Gi' } });
  expect(unknown).toEqual(['unknown field "clusterDNS"']);
});
it('what is off by default is what it asks for, as far as there is such a thing', async () => {
  const unknown: string[] = [];
  const configuration = await read(`${HEAD}featureGates: {CSIVolumeHealth: true, NodeSwap: false}\n`, unknown);
  expect(configuration.featureGates).toMatchObject({ CSIVolumeHealth: true });
  expect(unknown).toEqual(['unknown field "featureGates.NodeSwap"']);
});
it('how many images are pulled at once is said in either of two ways', async () => {
  expect(await read(`${HEAD}serializeImagePulls: false\nmaxParallelImagePulls: 3\n`)).toEqual({ ...DEFAULTS, serializeImagePulls: false, maxParallelImagePulls: 3 }); // prettier-ignore
});
it('of structures what it does not say stays too', async () => {
  const configuration = await read(`${HEAD}port: 10251\nauthentication: {anonymous: {enabled: true}, webhook: {cacheTTL: 1m}}\nauthorization: {mode: AlwaysAllow}\n`); // prettier-ignore
  expect(configuration).toMatchObject({
    port: 10_251,
    authentication: {
      anonymous: { enabled: true },
      webhook: { enabled: true, cacheTTL: '1m' },
      x509: { clientCAFile: '' },
    },
    authorization: { mode: 'AlwaysAllow', webhook: { cacheAuthorizedTTL: '5m0s' } },
  });
});
it.each([
  [`${HEAD}port: 0`, 'invalid configuration: port (--port) 0 must be between 1 and 65535, inclusive'],
  [`${HEAD}authorization: {mode: ""}`, 'no authorization mode specified'],
  [`${HEAD}authorization: {mode: Some}`, 'unknown authorization mode Some'],
  [`${HEAD}authentication: {anonymous: {enabled: 1}}`, 'json: cannot unmarshal number into Go struct field'],
  ['kind: KubeletConfiguration', "Object 'apiVersion' is missing in"],
  [`${HEAD}maxPods: many`, 'json: cannot unmarshal string into Go struct field KubeletConfiguration.maxPods of type int32'],
  [`${HEAD}maxPods: -1`, 'invalid configuration: maxPods (--max-pods) -1 must not be a negative number'],
  [`${HEAD}imageMinimumGCAge: 2`, 'json: cannot unmarshal number into Go struct field KubeletConfiguration.imageMinimumGCAge'],
  [`${HEAD}evictionHard: 5`, 'KubeletConfiguration.evictionHard of type map[string]string'],
  [`${HEAD}featureGates: {CSIVolumeHealth: 1}`, 'KubeletConfiguration.featureGates of type map[string]bool'],
  [`${HEAD}registryPullQPS: -1`, 'registryPullQPS (--registry-qps) -1 must not be a negative number'],
  [`${HEAD}registryBurst: -1`, 'registryBurst (--registry-burst) -1 must not be a negative number'],
  [`${HEAD}maxParallelImagePulls: 0`, 'maxParallelImagePulls 0 must be a positive number'],
  [`${HEAD}maxParallelImagePulls: 2\nserializeImagePulls: true`, 'maxParallelImagePulls cannot be larger than 1 unless SerializeImagePulls (--serialize-image-pulls) is set to false'],
  [`${HEAD}imagePullCredentialsVerificationPolicy: Never`, 'option "Never" specified for imagePullCredentialsVerificationPolicy. Valid options are "NeverVerify", "NeverVerifyPreloadedImages", "NeverVerifyAllowlistedImages" or "AlwaysVerify"'],
  [`${HEAD}preloadedImagesVerificationAllowlist: [a]`, 'if `imagePullCredentialsVertificationPolicy` is not "NeverVerifyAllowlistedImages"'],
  [`${HEAD}imagePullCredentialsVerificationPolicy: NeverVerifyAllowlistedImages\npreloadedImagesVerificationAllowlist: ['a*']`, "invalid image pattern in `preloadedImagesVerificationAllowlist`: not a valid wildcard pattern, only patterns ending with '/*' are allowed: a*"],
  [`${HEAD}imageGCHighThresholdPercent: 101`, 'imageGCHighThresholdPercent (--image-gc-high-threshold) 101 must be between 0 and 100, inclusive'],
  [`${HEAD}imageGCLowThresholdPercent: 90`, 'imageGCLowThresholdPercent (--image-gc-low-threshold) 90 must be less than imageGCHighThresholdPercent (--image-gc-high-threshold) 85'],
])('%s', async (text, message) => expect(read(text)).rejects.toThrow(message)); // prettier-ignore
