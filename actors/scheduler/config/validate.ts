import { isExtended } from '../../../schemas/core/resource-names.ts';
import { aggregate } from '../../../schemas/meta/aggregate.ts';
import { parseDuration } from '../../../schemas/meta/duration.ts';
import { equal } from '../../../schemas/meta/equal.ts';
import {
  duplicate,
  fieldPath,
  invalid,
  required,
  type FieldError,
  type FieldPath,
} from '../../../schemas/meta/field.ts';
import { qualifiedName } from '../../../schemas/meta/names.ts';
import { POINTS, type ExtenderConfiguration, type LeaderElectionConfiguration, type ProfileConfiguration, type SchedulerConfiguration } from './configuration.ts'; // prettier-ignore
import { validateArguments } from './validate-arguments.ts';

/**
 * What is wrong with a configuration, as kube-scheduler says it; undefined: nothing. Source: scheduler
 * apis/config/validation ValidateKubeSchedulerConfiguration.
 */
export function validateConfiguration(c: SchedulerConfiguration): string | undefined {
  const errors = [...problems(c)];
  return errors.length === 0 ? undefined : aggregate(errors.map(({ field, message }) => `${field}: ${message}`));
}
function* problems(c: SchedulerConfiguration): Iterable<FieldError> {
  if (c.clientConnection.burst < 0)
    yield invalid(fieldPath('clientConnection.burst'), c.clientConnection.burst, 'must be non-negative');
  yield* leaderElection(c.leaderElection, fieldPath('leaderElection'));
  if (c.parallelism <= 0)
    yield invalid(fieldPath('parallelism'), c.parallelism, 'should be an integer value greater than zero');
  const profiles = fieldPath('profiles');
  const known = new Set<string>();
  for (const [i, profile] of c.profiles.entries()) {
    yield* validateProfile(profile, profiles(i));
    // Upstream shows the path of the other as a value, of which nothing is to be seen.
    if (known.has(profile.schedulerName)) yield duplicate(profiles(i)('schedulerName'), {});
    known.add(profile.schedulerName);
  }
  yield* oneOrder(c.profiles, profiles);
  yield* percentage(c.percentageOfNodesToScore, fieldPath('percentageOfNodesToScore'));
  if (c.podInitialBackoffSeconds <= 0)
    yield invalid(fieldPath('podInitialBackoffSeconds'), c.podInitialBackoffSeconds, 'must be greater than 0');
  if (c.podMaxBackoffSeconds < c.podInitialBackoffSeconds)
    yield invalid(
      fieldPath('podMaxBackoffSeconds'),
      c.podMaxBackoffSeconds,
      'must be greater than or equal to PodInitialBackoffSeconds',
    );
  yield* validateExtenders(c.extenders, fieldPath('extenders'));
}
/** Source: component-base config/validation ValidateLeaderElectionConfiguration. */
function* leaderElection(l: LeaderElectionConfiguration, at: FieldPath): Iterable<FieldError> {
  if (!l.leaderElect) return;
  const nanoseconds = (text: string): bigint => parseDuration(text) as bigint;
  for (const name of ['leaseDuration', 'renewDeadline', 'retryPeriod'] as const)
    if (nanoseconds(l[name]) <= 0n) yield invalid(at(name), l[name], 'must be greater than zero');
  if (nanoseconds(l.leaseDuration) <= nanoseconds(l.renewDeadline))
    yield invalid(at('leaseDuration'), l.renewDeadline, 'must be greater than `RenewDeadline`');
  if (l.resourceLock !== 'leases')
    yield invalid(at('resourceLock'), l.resourceLock, 'resourceLock value must be "leases"');
}
function* percentage(value: number | undefined, at: FieldPath): Iterable<FieldError> {
  if (value !== undefined && (value < 0 || value > 100)) yield invalid(at, value, 'not in valid range [0-100]');
}
/** Plugins of earlier versions. */
const REMOVED: ReadonlySet<string> = new Set(['AzureDiskLimits', 'CinderLimits', 'EBSLimits', 'GCEPDLimits']);
const VERSION = 'kubescheduler.config.k8s.io/v1';
const WAS = `was invalid in version "v1" (KubeSchedulerConfiguration is version ${JSON.stringify(VERSION)})`;

function* validateProfile(profile: ProfileConfiguration, at: FieldPath): Iterable<FieldError> {
  if (profile.schedulerName === '') yield required(at('schedulerName'));
  yield* percentage(profile.percentageOfNodesToScore, at('percentageOfNodesToScore'));
  for (const point of POINTS)
    for (const [i, { name }] of profile.plugins[point].enabled.entries())
      if (REMOVED.has(name)) yield invalid(at('plugins')(point)('enabled')(i), name, WAS);
  const seen = new Set<string>();
  for (const [i, { name, args }] of profile.pluginConfig.entries()) {
    const here = at('pluginConfig')(i);
    if (seen.has(name)) yield duplicate(here, name);
    seen.add(name);
    if (REMOVED.has(name)) yield invalid(here, name, WAS);
    else yield* validateArguments(name, args ?? {}, here('args'));
  }
}
/** There is one queue, and so one order in it. */
function* oneOrder(profiles: readonly ProfileConfiguration[], at: FieldPath): Iterable<FieldError> {
  const [first, ...others] = profiles;
  const { queueSort } = first!.plugins;
  if (queueSort.enabled.length > 1)
    yield invalid(
      at(0)('plugins')('queueSort')('Enabled'),
      queueSort.enabled.length,
      'only one queue sort plugin can be enabled',
    );
  const name = queueSort.enabled[0]?.name;
  const argsOf = (profile: ProfileConfiguration): unknown =>
    profile.pluginConfig.find((one) => one.name === name)?.args;
  for (const [i, profile] of others.entries()) {
    const own = profile.plugins.queueSort;
    const shown = { Enabled: orNull(own.enabled), Disabled: orNull(own.disabled) };
    if (!equal(own, queueSort))
      yield invalid(at(i + 1)('plugins')('queueSort'), shown, 'must be the same for all profiles');
    if (name !== undefined && !equal(argsOf(profile), argsOf(first!)))
      yield invalid(at(i + 1)('pluginConfig')('args'), argsOf(profile), 'queueSort must be the same for all profiles');
  }
}
const orNull = (list: readonly { readonly name: string; readonly weight: number }[]): unknown =>
  list.length === 0 ? null : list.map(({ name, weight }) => ({ Name: name, Weight: weight }));

function* validateExtenders(extenders: readonly ExtenderConfiguration[], at: FieldPath): Iterable<FieldError> {
  const managed = new Set<string>();
  for (const [i, extender] of extenders.entries()) {
    if (extender.prioritizeVerb !== '' && extender.weight <= 0)
      yield invalid(at(i)('weight'), extender.weight, 'must have a positive weight applied to it');
    for (const [j, { name }] of extender.managedResources.entries()) {
      const here = at(i)('managedResources')(j)('name');
      const wrong = qualifiedName(name);
      for (const why of wrong) yield invalid(here, name, why);
      if (wrong.length === 0 && !isExtended(name)) yield invalid(here, name, 'is an invalid extended resource name');
      if (managed.has(name)) yield invalid(here, name, 'duplicate extender managed resource name');
      managed.add(name);
    }
  }
  const binders = extenders.filter(({ bindVerb }) => bindVerb !== '').length;
  if (binders > 1)
    yield invalid(at, `found ${binders} extenders implementing bind`, 'only one extender can implement bind');
}
