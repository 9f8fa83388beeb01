import type { PodFailurePolicy, PodFailurePolicyOnExitCodesRequirement, PodFailurePolicyRule, SuccessPolicy } from '../../../schemas/generated/batch-v1.ts'; // prettier-ignore
import type { ContainerStatus, Pod } from '../../../schemas/generated/core-v1.ts';
import { countOf, overlapOf, parseIndexes, type Indexes } from './indexes.ts';

/** What a Job's rules make of a failed pod. */
export interface FailureVerdict {
  /** Whether the failure counts towards the limits. */
  readonly counts: boolean;
  readonly action?: PodFailurePolicyRule['action'];
  /** Why the whole Job fails because of this pod. */
  readonly jobFails?: string;
}
/** The first rule that matches decides. Source: pkg/controller/job/pod_failure_policy.go. */
export function failureVerdict(policy: PodFailurePolicy | undefined, pod: Pod): FailureVerdict {
  for (const [index, { action, onExitCodes, onPodConditions }] of policy?.rules.entries() ?? []) {
    const why = onExitCodes ? exitCodeReason(pod, onExitCodes) : conditionReason(pod, onPodConditions);
    if (why === undefined) continue;
    const jobFails = `${why} matching ${action} rule at index ${index}`;
    return { counts: action !== 'Ignore', action, ...(action === 'FailJob' && { jobFails }) };
  }
  return { counts: true };
}
function exitCodeReason(pod: Pod, requirement: PodFailurePolicyOnExitCodesRequirement): string | undefined {
  const { containerName, operator, values } = requirement;
  const matches = ({ name, state }: ContainerStatus): boolean => {
    const code = state?.terminated?.exitCode ?? 0;
    if (code === 0 || (containerName !== undefined && containerName !== name)) return false;
    return values.includes(code) === (operator === 'In');
  };
  const { containerStatuses = [], initContainerStatuses = [] } = pod.status ?? {};
  const found = containerStatuses.find(matches) ?? initContainerStatuses.find(matches);
  const { name, namespace } = pod.metadata;
  return (
    found &&
    `Container ${found.name} for pod ${namespace}/${name} failed with exit code ${found.state!.terminated!.exitCode}`
  );
}
function conditionReason(pod: Pod, patterns: PodFailurePolicyRule['onPodConditions'] = []): string | undefined {
  const found = pod.status?.conditions?.find((c) => patterns.some((p) => p.type === c.type && p.status === c.status));
  return found && `Pod ${pod.metadata.namespace}/${pod.metadata.name} has condition ${found.type}`;
}

/** Which rule lets the Job succeed with the indexes that have; undefined: none. Source: pkg/controller/job/success_policy.go. */
export function successReason(
  policy: SuccessPolicy | undefined,
  completions: number,
  succeeded: Indexes,
): string | undefined {
  if (succeeded.length === 0) return undefined;
  for (const [index, { succeededIndexes, succeededCount }] of policy?.rules.entries() ?? []) {
    const among = succeededIndexes === undefined ? undefined : parseIndexes(succeededIndexes, completions);
    if (among?.length === 0) continue;
    const count = among === undefined ? countOf(succeeded) : overlapOf(among, succeeded);
    const needed = succeededCount ?? (among === undefined ? Infinity : countOf(among));
    if (count >= needed) return `Matched rules at index ${index}`;
  }
  return undefined;
}
