import { fieldPath, invalid } from '../../../schemas/meta/field.ts';
import { formatTime } from '../../../schemas/meta/time.ts';
import { selectorFromObject } from '../../../schemas/meta/selectors.ts';
import { ApiError, reasonOf } from '../../../schemas/meta/status.ts';
import { storageKey, type Resource } from '../../../schemas/resource.ts';
import { withDisruptionAllowed } from '../../../schemas/policy/disruption-allowed.ts';
import type { PodDisruptionBudgetSpec, PodDisruptionBudgetStatus } from '../../../schemas/generated/policy-v1.ts';
import type { Answer, Core, Draft, ResourceRequest } from '../core.ts';
import { badRequest, forbidden, invalidKind, notFound, plain } from '../errors.ts';
import { mutate, validateAdmission, type AdmissionInput } from '../stages/admit.ts';
import { decodeObject } from '../stages/decode.ts';
import { trackManagedFields } from '../stages/managed-fields.ts';
import { matchNamespace } from '../stages/metadata.ts';
import { guaranteed, put, retry, storedForm } from '../stages/persist.ts';
import { checkPreconditions, deleteObject } from '../verbs/delete.ts';
import { checkedOptions, type DeleteOptions } from '../verbs/delete-options.ts';
import { writeOptions } from '../verbs/options.ts';
import { expectedKind, SUCCESS } from './expected.ts';
import { withCondition, type Condition as PodCondition } from './pod-condition.ts';

const EVICTION = expectedKind('policy/v1', 'Eviction');
const BUDGETS = { group: 'policy', version: 'v1', resource: 'poddisruptionbudgets' };
/** Source: pkg/registry/core/pod/storage/eviction.go MaxDisruptedPodSize. */
const MAX_DISRUPTED = 2000;
/** How often a pod is looked at again that changed meanwhile, and after how long, ms. Source: eviction.go EvictionsRetry. */
const RETRIES = 19;
const RETRY_MS = 500;

interface Budget extends Draft {
  readonly spec?: PodDisruptionBudgetSpec;
  readonly status?: PodDisruptionBudgetStatus;
}
interface PodStatus {
  readonly phase?: string;
  readonly conditions?: readonly { readonly type: string; readonly status: string }[];
}

/** Deletes a pod if its disruption budget allows. Source: pkg/registry/core/pod/storage/eviction.go. */
export async function evict(core: Core, request: ResourceRequest): Promise<Answer> {
  const options = writeOptions(request, 'CreateOptions');
  const draft = await decodeObject(core, request, EVICTION);
  const { resource, info } = request;
  matchNamespace(resource, info.namespace, draft);
  if (draft.metadata.name !== info.name) throw badRequest('name in URL does not match name in Eviction object');
  const deletion = (draft['deleteOptions'] ?? {}) as DeleteOptions;
  if (deletion.ignoreStoreReadErrorWithClusterBreakingPotential === true)
    throw invalidKind('policy', 'Eviction', info.name, [
      invalid(
        fieldPath('deleteOptions')('ignoreStoreReadErrorWithClusterBreakingPotential'),
        true,
        'can not be set for pod eviction, try after removing the option',
      ),
    ]);
  const rehearsal = rehearsalOf(request.query.getAll('dryRun'), deletion.dryRun ?? []);
  const dryRun = rehearsal.length > 0;
  const input: AdmissionInput = {
    operation: 'CREATE', resource, subresource: request.subresource, name: info.name, object: draft, old: undefined, options,
  }; // prettier-ignore
  await mutate(core, request, input);
  const asked = checkedOptions({ ...deletion, ...(dryRun && { dryRun: rehearsal }) });
  const isFixed = asked.preconditions?.resourceVersion !== undefined;
  const remove = { ...request, subresource: undefined, body: undefined };
  const done: Answer = { type: 'object', code: 201, object: SUCCESS };
  let pod = await latest(core, request);
  await validateAdmission(core, request, input);
  for (let retries = RETRIES; needsNoBudget(pod); pod = await latest(core, request))
    try {
      await explainAndDelete(core, remove, pod, isFixed || isOver(pod) ? asked : asSeen(asked, pod));
      return done;
    } catch (error) {
      if (isFixed || reasonOf(error) !== 'Conflict' || retries-- === 0) throw error;
      await new Promise((resolve) => core.world.clock.setTimeout(resolve, RETRY_MS));
    }
  const budgets = core.registry.lookup(BUDGETS)!;
  const [budget, ...more] = budgetsOf(core, budgets, pod);
  if (more.length > 0)
    throw plain('This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.');
  const isHarmless = budget !== undefined && goesAnyway(pod, budget);
  if (budget !== undefined && !isHarmless) await claim(core, request, budgets, budget, dryRun);
  try {
    await explainAndDelete(core, remove, pod, isHarmless ? asSeen(asked, pod) : asked);
  } catch (error) {
    if (isHarmless && !isFixed && reasonOf(error) === 'Conflict') throw stillProcessed(budget.metadata.name ?? '');
    throw error;
  }
  return done;
}
async function latest(core: Core, { resource, info }: ResourceRequest): Promise<Draft> {
  await core.barrier();
  const pod = core.cache.get(resource, info.namespace, info.name);
  if (pod === undefined) throw notFound(resource, info.name);
  return pod;
}
/** Only if it is still what it was when it was judged: it may have become one that a budget counts on. */
const asSeen = (options: DeleteOptions, { metadata: { resourceVersion } }: Draft): DeleteOptions => ({
  ...options,
  preconditions: { ...options.preconditions, ...(resourceVersion !== undefined && { resourceVersion }) },
});
async function explainAndDelete(core: Core, remove: ResourceRequest, pod: Draft, wanted: DeleteOptions): Promise<void> {
  const version = (wanted.dryRun?.length ?? 0) > 0 ? gone : await explain(core, remove, pod, wanted);
  const { preconditions } = wanted;
  // It is we who have changed it since.
  const own = version !== gone && version !== undefined && preconditions?.resourceVersion !== undefined;
  await deleteObject(
    core,
    remove,
    own ? { ...wanted, preconditions: { ...preconditions, resourceVersion: version } } : wanted,
    'none',
  );
}
/** Source: eviction.go propagateDryRun. */
function rehearsalOf(asked: readonly string[], said: readonly string[]): readonly string[] {
  if (said.length === 0) return asked;
  if (asked.length === 0 || (asked.length === said.length && asked.every((v, i) => v === said[i]))) return said;
  throw plain(`Non-matching dry-run options in request and content: [${asked.join(' ')}] and [${said.join(' ')}]`);
}
/**
 * The pod says why it goes; returns its version then, undefined if it is another pod by now.
 * Source: eviction.go addConditionAndDeletePod.
 */
function explain(
  core: Core,
  request: ResourceRequest,
  pod: Draft,
  options: DeleteOptions,
): Promise<string | undefined | typeof gone> {
  const { resource, info } = request;
  const key = storageKey(resource, info.namespace, info.name);
  return guaranteed(core, key, resource, async ({ entry }) => {
    if (entry === undefined || entry.object.metadata.uid !== pod.metadata.uid) return gone;
    checkPreconditions(resource, entry.object, options);
    const status = (entry.object['status'] ?? {}) as { readonly conditions?: readonly PodCondition[] };
    const conditions = withCondition(
      status.conditions ?? [],
      {
        type: 'DisruptionTarget',
        status: 'True',
        reason: 'EvictionByEvictionAPI',
        message: 'Eviction API: evicting',
      },
      formatTime(core.world.clock.now()),
    );
    const next = { ...entry.object, status: { ...status, conditions } };
    const written = await put(core, request, key, await storedForm(core, resource, next), entry.revision);
    return written === undefined ? retry : written.object.metadata.resourceVersion;
  });
}
const gone = Symbol('gone');
const phaseOf = (pod: Draft): string => (pod['status'] as PodStatus | undefined)?.phase ?? 'Pending';
/** It does not come back. */
const isOver = (pod: Draft): boolean =>
  ['Succeeded', 'Failed'].includes(phaseOf(pod)) || Boolean(pod.metadata.deletionTimestamp);
const needsNoBudget = (pod: Draft): boolean => phaseOf(pod) === 'Pending' || isOver(pod);
function budgetsOf(core: Core, budgets: Resource, pod: Draft): Budget[] {
  const found: Budget[] = [];
  for (const budget of core.cache.list<Budget>(budgets, pod.metadata.namespace ?? ''))
    if (selectorFromObject(budget.spec?.selector).matches(pod.metadata.labels)) found.push(budget);
  return found;
}
/** A pod that is not ready holds up no budget that is otherwise met. */
function goesAnyway(pod: Draft, budget: Budget): boolean {
  const conditions = (pod['status'] as PodStatus | undefined)?.conditions ?? [];
  if (conditions.some((c) => c.type === 'Ready' && c.status === 'True')) return false;
  if (budget.spec?.unhealthyPodEvictionPolicy === 'AlwaysAllow') return true;
  const { currentHealthy = 0, desiredHealthy = 0 } = budget.status ?? {};
  return currentHealthy >= desiredHealthy && desiredHealthy > 0;
}
/** Takes one disruption from the budget. */
async function claim(
  core: Core,
  request: ResourceRequest,
  budgets: Resource,
  budget: Budget,
  dryRun: boolean,
): Promise<void> {
  const name = budget.metadata.name ?? '';
  const key = storageKey(budgets, budget.metadata.namespace ?? '', name);
  await guaranteed(core, key, budgets, async ({ entry }) => {
    if (entry === undefined) return true;
    const present = entry.object as Budget;
    const { status = {} } = present;
    check(present, name);
    if (dryRun) return true;
    const taken = claimed(status, request.info.name, formatTime(core.world.clock.now()));
    const next: Draft = { ...present, metadata: { ...present.metadata }, status: taken };
    // The server writes this in its own name.
    const own: ResourceRequest = {
      ...request,
      resource: budgets,
      subresource: budgets.subresources.get('status'),
      query: new URLSearchParams(),
      userAgent: 'kube-apiserver',
    };
    await trackManagedFields(core, own, present, next);
    const written = await put(core, own, key, await storedForm(core, budgets, next), entry.revision);
    return written === undefined ? retry : true;
  });
}
/** Source: eviction.go checkAndDecrement; pkg/apis/policy helper UpdateDisruptionAllowedCondition. */
function claimed(status: PodDisruptionBudgetStatus, pod: string, now: string): PodDisruptionBudgetStatus {
  const disruptionsAllowed = (status.disruptionsAllowed ?? 0) - 1;
  const counted = { allowed: disruptionsAllowed, generation: status.observedGeneration };
  const conditions = withDisruptionAllowed(status.conditions, counted, now);
  const disruptedPods = { ...status.disruptedPods, [pod]: now };
  return { ...status, disruptionsAllowed, disruptedPods, conditions };
}
function check({ metadata, status = {} }: Budget, name: string): void {
  if ((status.observedGeneration ?? 0) < (metadata.generation ?? 0)) throw stillProcessed(name);
  const allowed = status.disruptionsAllowed ?? 0;
  const named = { group: 'policy', resource: 'poddisruptionbudget' };
  if (allowed < 0) throw forbidden(named, name, 'pdb disruptions allowed is negative');
  if (Object.keys(status.disruptedPods ?? {}).length > MAX_DISRUPTED)
    throw forbidden(named, name, 'DisruptedPods map too big - too many evictions not confirmed by PDB controller');
  if (allowed === 0)
    throw tooMany(
      `The disruption budget ${name} needs ${status.desiredHealthy ?? 0} healthy pods and has ${status.currentHealthy ?? 0} currently`,
      0,
    );
}
const stillProcessed = (name: string): ApiError =>
  tooMany(`The disruption budget ${name} is still being processed by the server.`, 10);
const tooMany = (why: string, retryAfterSeconds: number): ApiError =>
  new ApiError('TooManyRequests', "Cannot evict pod as it would violate the pod's disruption budget.", {
    details: {
      causes: [{ reason: 'DisruptionBudget', message: why }],
      ...(retryAfterSeconds > 0 && { retryAfterSeconds }),
    },
  });
