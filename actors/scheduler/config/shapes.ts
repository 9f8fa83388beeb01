import { struct, type ConfigurationKind, type Shape } from '../../../schemas/codec/configuration.ts';
import { POINTS } from './configuration.ts';

/** Source: kube-scheduler config v1 types.go, types_pluginargs.go; component-base config v1alpha1. */
const PLUGIN_SET = struct('PluginSet', {
  enabled: { list: struct('Plugin', { name: 'string', weight: 'int32' }) },
  disabled: { list: struct('Plugin', { name: 'string', weight: 'int32' }) },
});
const PROFILE = struct('KubeSchedulerProfile', {
  schedulerName: 'string',
  percentageOfNodesToScore: 'int32',
  plugins: struct('Plugins', {
    multiPoint: PLUGIN_SET,
    ...Object.fromEntries(POINTS.map((point) => [point, PLUGIN_SET])),
  }),
  pluginConfig: { list: struct('PluginConfig', { name: 'string', args: 'any' }) },
});
const EXTENDER = struct('Extender', {
  urlPrefix: 'string',
  filterVerb: 'string',
  preemptVerb: 'string',
  prioritizeVerb: 'string',
  weight: 'int64',
  bindVerb: 'string',
  enableHTTPS: 'bool',
  tlsConfig: struct('ExtenderTLSConfig', {
    insecure: 'bool',
    serverName: 'string',
    certFile: 'string',
    keyFile: 'string',
    caFile: 'string',
    certData: 'bytes',
    keyData: 'bytes',
    caData: 'bytes',
  }),
  httpTimeout: 'duration',
  nodeCacheCapable: 'bool',
  managedResources: { list: struct('ExtenderManagedResource', { name: 'string', ignoredByScheduler: 'bool' }) },
  ignorable: 'bool',
});
export const GROUP_VERSION = 'kubescheduler.config.k8s.io/v1';
export const CONFIGURATION: ConfigurationKind = {
  names: [`${GROUP_VERSION}/KubeSchedulerConfiguration`],
  shape: struct('KubeSchedulerConfiguration', {
    apiVersion: 'string',
    kind: 'string',
    parallelism: 'int32',
    leaderElection: struct('v1alpha1.LeaderElectionConfiguration', {
      leaderElect: 'bool',
      leaseDuration: 'duration',
      renewDeadline: 'duration',
      retryPeriod: 'duration',
      resourceLock: 'string',
      resourceName: 'string',
      resourceNamespace: 'string',
    }),
    clientConnection: struct('v1alpha1.ClientConnectionConfiguration', {
      kubeconfig: 'string',
      acceptContentTypes: 'string',
      contentType: 'string',
      qps: 'float32',
      burst: 'int32',
    }),
    enableProfiling: 'bool',
    enableContentionProfiling: 'bool',
    percentageOfNodesToScore: 'int32',
    podInitialBackoffSeconds: 'int64',
    podMaxBackoffSeconds: 'int64',
    profiles: { list: PROFILE },
    extenders: { list: EXTENDER },
    delayCacheUntilActive: 'bool',
  }),
};

const RESOURCES: Shape = { list: struct('ResourceSpec', { name: 'string', weight: 'int64' }) };
const UTILIZATION: Shape = { list: struct('UtilizationShapePoint', { utilization: 'int32', score: 'int32' }) };
const STRINGS: Shape = { list: 'string' };
const REQUIREMENTS = (name: string): Shape => ({
  list: struct(name, { key: 'string', operator: 'string', values: STRINGS }),
});
const TERM = struct('NodeSelectorTerm', {
  matchExpressions: REQUIREMENTS('NodeSelectorRequirement'),
  matchFields: REQUIREMENTS('NodeSelectorRequirement'),
});
const args = (name: string, fields: Readonly<Record<string, Shape>>) =>
  struct(`${name}Args`, { apiVersion: 'string', kind: 'string', ...fields });

/** What plugins may be told, by their names; others take none, or are the user's own. */
export const ARGUMENTS: Readonly<Record<string, Shape & { readonly struct: string }>> = {
  DefaultPreemption: args('DefaultPreemption', {
    minCandidateNodesPercentage: 'int32',
    minCandidateNodesAbsolute: 'int32',
  }),
  DynamicResources: args('DynamicResources', { filterTimeout: 'duration', bindingTimeout: 'duration' }),
  InterPodAffinity: args('InterPodAffinity', {
    hardPodAffinityWeight: 'int32',
    ignorePreferredTermsOfExistingPods: 'bool',
  }),
  NodeAffinity: args('NodeAffinity', {
    addedAffinity: struct('NodeAffinity', {
      requiredDuringSchedulingIgnoredDuringExecution: struct('NodeSelector', { nodeSelectorTerms: { list: TERM } }),
      preferredDuringSchedulingIgnoredDuringExecution: {
        list: struct('PreferredSchedulingTerm', { weight: 'int32', preference: TERM }),
      },
    }),
  }),
  NodeResourcesBalancedAllocation: args('NodeResourcesBalancedAllocation', { resources: RESOURCES }),
  NodeResourcesFit: args('NodeResourcesFit', {
    ignoredResources: STRINGS,
    ignoredResourceGroups: STRINGS,
    scoringStrategy: struct('ScoringStrategy', {
      type: 'string',
      resources: RESOURCES,
      requestedToCapacityRatio: struct('RequestedToCapacityRatioParam', { shape: UTILIZATION }),
    }),
  }),
  PodTopologySpread: args('PodTopologySpread', {
    defaultConstraints: {
      list: struct('TopologySpreadConstraint', {
        maxSkew: 'int32',
        topologyKey: 'string',
        whenUnsatisfiable: 'string',
        labelSelector: struct('LabelSelector', {
          matchLabels: 'any',
          matchExpressions: REQUIREMENTS('LabelSelectorRequirement'),
        }),
        minDomains: 'int32',
        nodeAffinityPolicy: 'string',
        nodeTaintsPolicy: 'string',
        matchLabelKeys: STRINGS,
      }),
    },
    defaultingType: 'string',
  }),
  VolumeBinding: args('VolumeBinding', { bindTimeoutSeconds: 'int64', shape: UTILIZATION }),
};
