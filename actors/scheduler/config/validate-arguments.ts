import type { NodeSelectorTerm } from '../../../schemas/generated/core-v1.ts';
import { parseDuration } from '../../../schemas/meta/duration.ts';
import { duplicate, forbidden, invalid, notSupported, required, type FieldError, type FieldPath } from '../../../schemas/meta/field.ts'; // prettier-ignore
import { labelValue, qualifiedName } from '../../../schemas/meta/names.ts';
import type { PluginArgs, ResourceSpec, UtilizationShapePoint } from '../plugins/args.ts';

type Errors = Iterable<FieldError>;
type Check = (args: PluginArgs, at: FieldPath) => Errors;

/** Source: scheduler apis/config/validation validation_pluginargs.go; NodeResourcesFit's when the plugin is made. */
const CHECKS: Readonly<Record<string, Check>> = {
  *DefaultPreemption({ minCandidateNodesPercentage: share = 0, minCandidateNodesAbsolute: absolute = 0 }, at) {
    const [of, least] = [at('minCandidateNodesPercentage'), at('minCandidateNodesAbsolute')];
    if (share < 0 || share > 100) yield invalid(of, share, 'not in valid range [0, 100]');
    if (absolute < 0) yield invalid(least, absolute, 'not in valid range [0, inf)');
    if (share !== 0 || absolute !== 0) return;
    yield invalid(of, share, 'cannot be zero at the same time as minCandidateNodesAbsolute');
    yield invalid(least, absolute, 'cannot be zero at the same time as minCandidateNodesPercentage');
  },
  *InterPodAffinity({ hardPodAffinityWeight: weight = 0 }, at) {
    if (weight < 0 || weight > 100) yield invalid(at('hardPodAffinityWeight'), weight, 'not in valid range [0, 100]');
  },
  *NodeAffinity({ addedAffinity }, at) {
    const here = at('addedAffinity');
    const needed = addedAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
    for (const [i, term] of needed.entries())
      yield* selectorTerm(term, here('requiredDuringSchedulingIgnoredDuringExecution')('nodeSelectorTerms')(i));
    const liked = addedAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
    for (const [i, { preference = {} }] of liked.entries())
      yield* selectorTerm(preference, here('preferredDuringSchedulingIgnoredDuringExecution')(i));
  },
  *NodeResourcesBalancedAllocation({ resources = [] }, at) {
    const seen = new Set<string>();
    for (const [i, { name, weight }] of resources.entries()) {
      if (seen.has(name)) yield duplicate(at('resources')(i)('name'), name);
      seen.add(name);
      if (weight !== 1) yield invalid(at('resources')(i)('weight'), weight, 'must be 1');
    }
  },
  *PodTopologySpread({ defaultConstraints = [], defaultingType }, at) {
    const type = at('defaultingType');
    if (defaultingType !== 'System' && defaultingType !== 'List')
      yield notSupported(type, defaultingType, ['System', 'List']);
    else if (defaultingType === 'System' && defaultConstraints.length > 0)
      yield invalid(type, defaultingType, 'when .defaultConstraints are not empty');
    for (const [i, c] of defaultConstraints.entries()) {
      const here = at('defaultConstraints')(i);
      const { maxSkew = 0, topologyKey = '', whenUnsatisfiable = '' } = c as Partial<typeof c>;
      if (maxSkew <= 0) yield invalid(here('maxSkew'), maxSkew, 'not in valid range (0, inf)');
      if (topologyKey === '') yield required(here('topologyKey'), 'can not be empty');
      for (const why of topologyKey === '' ? [] : qualifiedName(topologyKey))
        yield invalid(here('topologyKey'), topologyKey, why);
      if (whenUnsatisfiable === '') yield required(here('whenUnsatisfiable'), 'can not be empty');
      else if (whenUnsatisfiable !== 'DoNotSchedule' && whenUnsatisfiable !== 'ScheduleAnyway')
        yield notSupported(here('whenUnsatisfiable'), whenUnsatisfiable, ['DoNotSchedule', 'ScheduleAnyway']);
      if (c.labelSelector !== undefined)
        yield forbidden(here('labelSelector'), 'constraint must not define a selector, as they deduced for each pod');
      for (const other of defaultConstraints.slice(0, i))
        if (other.topologyKey === c.topologyKey && other.whenUnsatisfiable === c.whenUnsatisfiable) {
          yield duplicate(here, `{${topologyKey}, ${whenUnsatisfiable}}`);
          break;
        }
    }
  },
  *VolumeBinding({ bindTimeoutSeconds = 0, shape }, at) {
    if (bindTimeoutSeconds < 0)
      yield invalid(at('bindTimeoutSeconds'), bindTimeoutSeconds, 'invalid BindTimeoutSeconds, should not be a negative value');
    if (shape !== undefined)
      yield invalid(at('shape'), shape.map(({ utilization = 0, score = 0 }) => ({ Utilization: utilization, Score: score })), 'unexpected field `shape`, remove it or turn on the feature gate StorageCapacityScoring');
  },
  *DynamicResources({ filterTimeout = '0s', bindingTimeout = '600s' }, at) {
    if ((parseDuration(filterTimeout) as bigint) < 0n) yield invalid(at('filterTimeout'), filterTimeout, 'must be zero or positive');
    if ((parseDuration(bindingTimeout) as bigint) < 1_000_000_000n) yield invalid(at('bindingTimeout'), bindingTimeout, 'must be at least 1 second');
  },
}; // prettier-ignore
/** Source: component-helpers scheduling/corev1/nodeaffinity newNodeSelectorTerm, apimachinery labels NewRequirement. */
function* selectorTerm({ matchExpressions = [], matchFields = [] }: NodeSelectorTerm, at: FieldPath): Errors {
  for (const [i, { key = '', operator, values = [] }] of matchExpressions.entries()) {
    const here = at('matchExpressions')(i);
    if (!OPERATORS.includes(operator)) {
      yield notSupported(here('operator'), operator, OPERATORS);
      continue;
    }
    if (qualifiedName(key).length > 0) yield invalid(here('key'), key, qualifiedName(key).join('; '));
    const shown = values.length === 0 ? undefined : values;
    if ((operator === 'In' || operator === 'NotIn') && values.length === 0)
      yield invalid(here('values'), shown, "for 'in', 'notin' operators, values set can't be empty");
    if ((operator === 'Exists' || operator === 'DoesNotExist') && values.length > 0)
      yield invalid(here('values'), shown, 'values set must be empty for exists and does not exist');
    if (operator === 'Gt' || operator === 'Lt') {
      if (values.length !== 1) yield invalid(here('values'), shown, "for 'Gt', 'Lt' operators, exactly one value is required");
      for (const [j, value] of values.entries())
        if (!/^[-+]?\d{1,19}$/.test(value)) yield invalid(here('values')(j), value, "for 'Gt', 'Lt' operators, the value must be an integer");
    }
    for (const value of values)
      if (labelValue(value).length > 0) yield invalid(here('values').key(key), value, labelValue(value).join('; '));
  }
  for (const [i, { operator, values = [] }] of matchFields.entries()) {
    const here = at('matchFields')(i);
    if (operator !== 'In' && operator !== 'NotIn') yield notSupported(here('operator'), operator, ['In', 'NotIn']);
    else if (values.length !== 1) yield invalid(here('values'), values.length === 0 ? undefined : values, 'must have one element');
  }
} // prettier-ignore
const OPERATORS: readonly string[] = ['In', 'NotIn', 'Exists', 'DoesNotExist', 'Gt', 'Lt'];
/** Upstream checks these only when it makes the plugin. */
export function* validateFit(
  { ignoredResources = [], ignoredResourceGroups = [], scoringStrategy }: PluginArgs,
  at: FieldPath,
): Errors {
  for (const [i, name] of ignoredResources.entries())
    for (const why of qualifiedName(name)) yield invalid(at('ignoredResources')(i), name, why);
  for (const [i, group] of ignoredResourceGroups.entries()) {
    const here = at('ignoredResourceGroups')(i);
    if (group.includes('/')) yield invalid(here, group, "resource group name can't contain '/'");
    for (const why of qualifiedName(group)) yield invalid(here, group, why);
  }
  const here = at('scoringStrategy');
  if (scoringStrategy === undefined) return yield required(here, 'ScoringStrategy field is required');
  const { type, resources = [], requestedToCapacityRatio: ratio } = scoringStrategy;
  const types = ['LeastAllocated', 'MostAllocated', 'RequestedToCapacityRatio'];
  if (!types.includes(type ?? '')) yield notSupported(here('type'), type, types);
  yield* validateResources(resources, here('resources'));
  const own = here('requestedToCapacityRatio');
  if (type === 'RequestedToCapacityRatio') {
    if (ratio === undefined) yield required(own, 'must be specified when type is RequestedToCapacityRatio');
    else yield* validateShape(ratio.shape ?? [], own('shape'));
  } else if (ratio !== undefined) yield forbidden(own, 'must be nil when type is not RequestedToCapacityRatio');
}
function* validateResources(resources: readonly ResourceSpec[], at: FieldPath): Errors {
  for (const [i, { name, weight = 0 }] of resources.entries())
    if (weight <= 0 || weight > 100)
      yield invalid(at(i)('weight'), weight, `resource weight of ${name} not in valid range (0, 100]`);
}
function* validateShape(shape: readonly UtilizationShapePoint[], at: FieldPath): Errors {
  if (shape.length === 0) return yield required(at, 'at least one point must be specified');
  const unsorted = shape.findIndex((point, i) => i > 0 && (shape[i - 1]!.utilization ?? 0) >= (point.utilization ?? 0));
  if (unsorted > 0)
    yield invalid(
      at(unsorted)('utilization'),
      shape[unsorted]!.utilization,
      'values must be sorted in increasing order',
    );
  for (const [i, { utilization = 0, score = 0 }] of (shape as readonly Partial<UtilizationShapePoint>[]).entries()) {
    if (utilization < 0 || utilization > 100)
      yield invalid(at(i)('utilization'), utilization, 'not in valid range [0, 100]');
    if (score < 0 || score > 10) yield invalid(at(i)('score'), score, 'not in valid range [0, 10]');
  }
}
/** What is wrong with a plugin's arguments; of a plugin that takes none, nothing. */
export const validateArguments = (name: string, args: PluginArgs, at: FieldPath): Errors =>
  Object.hasOwn(CHECKS, name) ? CHECKS[name]!(args, at) : [];
