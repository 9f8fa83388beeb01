import { describe, expect, it } from 'vitest';
import { parseYaml } from '../../../schemas/codec/yaml.ts';
import type { ExtensionPoint } from './configuration.ts';
import { profilesOf, type ConfiguredProfile } from './profiles.ts';
import { defaultConfiguration, readSchedulerConfiguration } from './read.ts';
import refusals from './testdata/refusals.json' with { type: 'json' };

const HEAD = 'apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n';
const noFile = (path: string): string => {
  throw new Error(`open ${path}: no such file or directory`);
};
const read = async (text: string) => {
  const { value, duplicates } = await parseYaml(text);
  return readSchedulerConfiguration({ value, text, duplicates }, noFile);
};
const profiles = async (text: string): Promise<readonly ConfiguredProfile[]> => profilesOf(await read(HEAD + text));
const at = async (text: string, point: ExtensionPoint): Promise<readonly string[]> =>
  (await profiles(text))[0]!.at[point];

describe('a KubeSchedulerConfiguration', () => {
  it.each(refusals.map(({ file, error }) => [file.replace(HEAD, ''), file, error] as const))('is refused as by kube-scheduler: %s', async (_, file, error) => {
    const say = async (): Promise<string> => {
      try {
        profilesOf(await read(file));
        return 'accepted';
      } catch (failure) {
        return (failure as Error).message;
      }
    };
    expect(await say()).toBe(error);
  }); // prettier-ignore
  it('has the default of whatever it does not say', async () => {
    expect(await read(HEAD)).toEqual(defaultConfiguration());
    const c = defaultConfiguration();
    expect(c).toMatchObject({ parallelism: 16, podInitialBackoffSeconds: 1, podMaxBackoffSeconds: 10, percentageOfNodesToScore: 0, extenders: [] }); // prettier-ignore
    expect(c.profiles.map((p) => p.schedulerName)).toEqual(['default-scheduler']);
  });
  it('gives every profile its own share of nodes, and the common one to the others', async () => {
    const found = await profiles(
      'percentageOfNodesToScore: 30\nprofiles: [{schedulerName: a, percentageOfNodesToScore: 70}, {schedulerName: b}]',
    );
    expect(found.map((p) => [p.schedulerName, p.percentageOfNodesToScore])).toEqual([
      ['a', 70],
      ['b', 30],
    ]);
  });
  it('orders plugins: whom the operator names here and everywhere, those everywhere, then who is only here', async () => {
    const all = (await profiles(''))[0]!.at;
    expect(all.score).toEqual(['TaintToleration', 'NodeAffinity', 'NodeResourcesFit', 'VolumeBinding', 'PodTopologySpread', 'InterPodAffinity', 'DynamicResources', 'NodeResourcesBalancedAllocation', 'ImageLocality'].filter((name) => all.score.includes(name))); // prettier-ignore
    expect(await at('profiles: [{plugins: {multiPoint: {disabled: [{name: "*"}], enabled: [{name: PrioritySort},{name: DefaultBinder},{name: NodeName},{name: NodePorts}]}, filter: {enabled: [{name: NodeUnschedulable},{name: NodePorts}]}}}]', 'filter')).toEqual(['NodePorts', 'NodeName', 'NodeUnschedulable']); // prettier-ignore
    expect(await at('profiles: [{plugins: {filter: {disabled: [{name: "*"}], enabled: [{name: NodePorts}]}}}]', 'filter')).toEqual(['NodePorts']); // prettier-ignore
    expect(await at('profiles: [{plugins: {score: {disabled: [{name: ImageLocality}]}}}]', 'score')).not.toContain('ImageLocality'); // prettier-ignore
  });
  it('weighs scores as it is told, for one place before everywhere', async () => {
    const [p] = await profiles('profiles: [{plugins: {multiPoint: {enabled: [{name: NodeAffinity, weight: 9},{name: InterPodAffinity, weight: 8}]}, score: {enabled: [{name: InterPodAffinity, weight: 7},{name: ImageLocality}]}}}]'); // prettier-ignore
    expect(['NodeAffinity', 'InterPodAffinity', 'ImageLocality', 'TaintToleration'].map((name) => p!.weights.get(name))).toEqual([9, 7, 1, 3]); // prettier-ignore
    expect(p!.profile.scores.find(({ plugin }) => plugin.name === 'NodeAffinity')!.weight).toBe(9);
  });
  it('asks those that can be passed over last, and leaves to extenders what they account for', async () => {
    const c = await read(`${HEAD}extenders: [{urlPrefix: "http://a", ignorable: true, managedResources: [{name: x.io/gpu, ignoredByScheduler: true}]},{urlPrefix: "http://b", httpTimeout: 90s}]`); // prettier-ignore
    expect(c.extenders.map(({ urlPrefix, httpTimeoutMs }) => [urlPrefix, httpTimeoutMs])).toEqual([
      ['http://b', 90_000],
      ['http://a', 5_000],
    ]);
    expect(c.profiles[0]!.pluginConfig.find(({ name }) => name === 'NodeResourcesFit')!.args).toMatchObject({ ignoredResources: ['x.io/gpu'] }); // prettier-ignore
  });
});
