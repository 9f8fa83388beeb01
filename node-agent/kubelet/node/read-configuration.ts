import { readFile } from 'node:fs/promises';
import { decodeConfiguration, struct, type ConfigurationKind } from '../../../schemas/codec/configuration.ts';
import { patternProblem, POLICIES } from '../pull-secrets/verification.ts';
import type { KubeletConfiguration } from './configuration.ts';
import { checkDoor, DOOR_FIELDS, doorOf } from './door-configuration.ts';

/** Maps of texts are looked at by whom they are for. */
const KIND: ConfigurationKind = {
  names: ['kubelet.config.k8s.io/v1beta1/KubeletConfiguration'],
  shape: struct('KubeletConfiguration', {
    apiVersion: 'string',
    kind: 'string',
    ...DOOR_FIELDS,
    maxPods: 'int32',
    podPidsLimit: 'int64',
    systemReserved: 'any',
    kubeReserved: 'any',
    enforceNodeAllocatable: { list: 'string' },
    evictionHard: 'any',
    evictionSoft: 'any',
    evictionSoftGracePeriod: 'any',
    evictionMinimumReclaim: 'any',
    evictionPressureTransitionPeriod: 'duration',
    evictionMaxPodGracePeriod: 'int32',
    imageGCHighThresholdPercent: 'int32',
    imageGCLowThresholdPercent: 'int32',
    imageMinimumGCAge: 'duration',
    imageMaximumGCAge: 'duration',
    shutdownGracePeriod: 'duration',
    shutdownGracePeriodCriticalPods: 'duration',
    enableSystemLogHandler: 'bool',
    streamingConnectionIdleTimeout: 'duration',
    volumeStatsAggPeriod: 'duration',
    imagePullCredentialsVerificationPolicy: 'string',
    preloadedImagesVerificationAllowlist: { list: 'string' },
    serializeImagePulls: 'bool',
    maxParallelImagePulls: 'int32',
    registryPullQPS: 'int32',
    registryBurst: 'int32',
    featureGates: 'any',
    shutdownGracePeriodByPodPriority: {
      list: struct('ShutdownGracePeriodByPodPriority', { priority: 'int32', shutdownGracePeriodSeconds: 'int64' }),
    },
  }),
};
/** What has no value of its own. */
const OPTIONAL: readonly string[] = ['serializeImagePulls', 'maxParallelImagePulls'];
const GATES: readonly string[] = ['CSIVolumeHealth'];
const MAPS = ['systemReserved', 'kubeReserved', 'evictionHard', 'evictionSoft', 'evictionSoftGracePeriod', 'evictionMinimumReclaim'] as const; // prettier-ignore

/**
 * A node's own configuration, in the form that kubelets read; what the file does not say, or where there is none, is as
 * `otherwise` has it. `onUnknown` is told of fields that nobody goes by here. Rejects with Error in Kubernetes' words.
 */
export async function readKubeletConfiguration(
  file: string,
  otherwise: KubeletConfiguration,
  onUnknown: (fields: readonly string[]) => void,
): Promise<KubeletConfiguration> {
  const bytes = await readFile(file).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  });
  if (bytes === undefined) return otherwise;
  const { parseYaml } = await import('../../../schemas/codec/yaml.ts');
  const { value: parsed, duplicates } = await parseYaml(bytes);
  const { value, unknown } = decodeConfiguration({ value: parsed, text: bytes.toString(), duplicates }, KIND);
  const gates = Object.keys((value as Partial<KubeletConfiguration>).featureGates ?? {}).filter(
    (name) => !GATES.includes(name),
  );
  const ignored = [...unknown, ...gates.map((name) => `unknown field "featureGates.${name}"`)];
  if (ignored.length > 0) onUnknown(ignored);
  const known = Object.entries(value).filter(([name]) => name in otherwise || OPTIONAL.includes(name));
  const configuration = {
    ...otherwise,
    ...Object.fromEntries(known),
    ...doorOf(otherwise, value),
  } as KubeletConfiguration;
  check(configuration);
  return configuration;
}
/** Source: kubelet apis/config/validation ValidateKubeletConfiguration. */
function check(c: KubeletConfiguration): void {
  const wrong = (text: string): never => {
    throw new Error(`invalid configuration: ${text}`);
  };
  for (const name of MAPS) {
    const map: unknown = c[name];
    if (typeof map !== 'object' || map === null || Object.values(map).some((value) => typeof value !== 'string'))
      throw new Error(`json: cannot unmarshal into Go struct field KubeletConfiguration.${name} of type map[string]string`);
  }
  const gates: unknown = c.featureGates;
  if (typeof gates !== 'object' || gates === null || Object.values(gates).some((value) => typeof value !== 'boolean'))
    throw new Error('json: cannot unmarshal into Go struct field KubeletConfiguration.featureGates of type map[string]bool');
  const percent = (n: number): boolean => n >= 0 && n <= 100;
  if (!percent(c.imageGCHighThresholdPercent)) wrong(`imageGCHighThresholdPercent (--image-gc-high-threshold) ${c.imageGCHighThresholdPercent} must be between 0 and 100, inclusive`);
  if (!percent(c.imageGCLowThresholdPercent)) wrong(`imageGCLowThresholdPercent (--image-gc-low-threshold) ${c.imageGCLowThresholdPercent} must be between 0 and 100, inclusive`);
  if (c.imageGCLowThresholdPercent >= c.imageGCHighThresholdPercent) wrong(`imageGCLowThresholdPercent (--image-gc-low-threshold) ${c.imageGCLowThresholdPercent} must be less than imageGCHighThresholdPercent (--image-gc-high-threshold) ${c.imageGCHighThresholdPercent}`);
  if (c.maxPods < 0) wrong(`maxPods (--max-pods) ${c.maxPods} must not be a negative number`);
  checkPulls(c, wrong);
  checkDoor(c, wrong);
} // prettier-ignore
function checkPulls(c: KubeletConfiguration, wrong: (text: string) => never): void {
  const { maxParallelImagePulls: most, serializeImagePulls: one, imagePullCredentialsVerificationPolicy: policy, preloadedImagesVerificationAllowlist: allowed } = c;
  if (c.registryBurst < 0) wrong(`registryBurst (--registry-burst) ${c.registryBurst} must not be a negative number`);
  if (c.registryPullQPS < 0) wrong(`registryPullQPS (--registry-qps) ${c.registryPullQPS} must not be a negative number`);
  if (most !== undefined && most < 1) wrong(`maxParallelImagePulls ${most} must be a positive number`);
  if (one === true && most !== undefined && most > 1) wrong('maxParallelImagePulls cannot be larger than 1 unless SerializeImagePulls (--serialize-image-pulls) is set to false');
  if (!POLICIES.includes(policy))
    wrong(`option ${JSON.stringify(policy)} specified for imagePullCredentialsVerificationPolicy. Valid options are "NeverVerify", "NeverVerifyPreloadedImages", "NeverVerifyAllowlistedImages" or "AlwaysVerify"`);
  if (allowed.length > 0 && policy !== 'NeverVerifyAllowlistedImages')
    wrong('can\'t set `preloadedImagesVerificationAllowlist` if `imagePullCredentialsVertificationPolicy` is not "NeverVerifyAllowlistedImages"');
  for (const pattern of allowed) {
    const why = patternProblem(pattern);
    if (why !== undefined) wrong(`invalid image pattern in \`preloadedImagesVerificationAllowlist\`: ${why}`);
  }
} // prettier-ignore
