import { formatTime } from '../../../schemas/meta/time.ts';
import { selectorFromObject } from '../../../schemas/meta/selectors.ts';
import { ApiError } from '../../../schemas/meta/status.ts';
import { storageKey, type Resource } from '../../../schemas/resource.ts';
import type { LabelSelector } from '../../../schemas/generated/meta-v1.ts';
import { isDryRun, type Answer, type Core, type Draft, type ResourceRequest } from '../core.ts';
import { badRequest, forbidden, notFound, plain } from '../errors.ts';
import { mutate, validateAdmission, type AdmissionInput } from '../stages/admit.ts';
import { decodeObject } from '../stages/decode.ts';
import { trackManagedFields } from '../stages/managed-fields.ts';
import { guaranteed, put, retry, storedForm } from '../stages/persist.ts';
import { deleteObject } from '../verbs/delete.ts';
import type { DeleteOptions } from '../verbs/delete-options.ts';
import { writeOptions } from '../verbs/options.ts';
import { expectedKind, SUCCESS } from './expected.ts';

const EVICTION = expectedKind('policy/v1', 'Eviction');
const BUDGETS = { group: 'policy', version: 'v1', resource: 'poddisruptionbudgets' };
/** Source: pkg/registry/core/pod/storage/eviction.go MaxDisruptedPodSize. */
const MAX_DISRUPTED = 2000;

interface Budget extends Draft {
  readonly spec?: { readonly selector?: LabelSelector; readonly unhealthyPodEvictionPolicy?: string };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly disruptionsAllowed?: number;
    readonly currentHealthy?: number;
    readonly desiredHealthy?: number;
    readonly disruptedPods?: Readonly<Record<string, string>>;
    readonly conditions?: readonly Condition[];
  };
}
interface Condition {
  readonly type: string;
  readonly status: string;
  readonly observedGeneration?: number;
  readonly lastTransitionTime?: string;
  readonly reason?: string;
  readonly message?: string;
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
  if (draft.metadata.name !== info.name) throw badRequest('name in URL does not match name in Eviction object');
  const deletion = (draft['deleteOptions'] ?? {}) as DeleteOptions;
  const dryRun = isDryRun(request) || (deletion.dryRun?.length ?? 0) > 0;
  const input: AdmissionInput = {
    operation: 'CREATE', resource, subresource: request.subresource, name: info.name, object: draft, old: undefined, options,
  }; // prettier-ignore
  await mutate(core, request, input);
  await core.barrier();
  const pod = core.cache.get(resource, info.namespace, info.name);
  if (pod === undefined) throw notFound(resource, info.name);
  await validateAdmission(core, request, input);
  const wanted: DeleteOptions = { ...deletion, ...(dryRun && { dryRun: ['All'] }) };
  if (!needsNoBudget(pod)) {
    const budgets = core.registry.lookup(BUDGETS)!;
    const [budget, ...more] = budgetsOf(core, budgets, pod);
    if (more.length > 0)
      throw plain('This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.');
    if (budget !== undefined && !goesAnyway(pod, budget)) await claim(core, request, budgets, budget, dryRun);
  }
  const remove = { ...request, subresource: undefined, body: undefined };
  if (!dryRun) await explain(core, remove, pod);
  await deleteObject(core, remove, wanted);
  return { type: 'object', code: 201, object: SUCCESS };
}
/** The pod says why it goes. Source: eviction.go addConditionAndDeletePod. */
async function explain(core: Core, request: ResourceRequest, pod: Draft): Promise<void> {
  const { resource, info } = request;
  const key = storageKey(resource, info.namespace, info.name);
  await guaranteed(core, key, resource, async ({ entry }) => {
    if (entry === undefined || entry.object.metadata.uid !== pod.metadata.uid) return true;
    const status = (entry.object['status'] ?? {}) as PodStatus;
    const conditions = (status.conditions ?? []).filter((c) => c.type !== 'DisruptionTarget');
    const condition = {
      type: 'DisruptionTarget',
      status: 'True',
      lastProbeTime: null,
      lastTransitionTime: formatTime(core.world.clock.now()),
      reason: 'EvictionByEvictionAPI',
      message: 'Eviction API: evicting',
    };
    const next = { ...entry.object, status: { ...status, conditions: [...conditions, condition] } };
    const written = await put(core, request, key, storedForm(core, resource, next), entry.revision);
    return written === undefined ? retry : true;
  });
}
function needsNoBudget(pod: Draft): boolean {
  const phase = (pod['status'] as PodStatus | undefined)?.phase ?? 'Pending';
  return phase !== 'Running' || Boolean(pod.metadata.deletionTimestamp);
}
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
    trackManagedFields(core, own, present, next);
    const written = await put(core, own, key, storedForm(core, budgets, next), entry.revision);
    return written === undefined ? retry : true;
  });
}
type Status = NonNullable<Budget['status']>;
/** Source: eviction.go checkAndDecrement; pkg/apis/policy helper UpdateDisruptionAllowedCondition. */
function claimed(status: Status, pod: string, now: string): Status {
  const disruptionsAllowed = (status.disruptionsAllowed ?? 0) - 1;
  const allowed = disruptionsAllowed > 0;
  const before = status.conditions?.find((c) => c.type === 'DisruptionAllowed');
  const value = allowed ? 'True' : 'False';
  const condition: Condition = {
    type: 'DisruptionAllowed',
    status: value,
    observedGeneration: status.observedGeneration ?? 0,
    lastTransitionTime: before?.status === value ? (before.lastTransitionTime ?? now) : now,
    reason: allowed ? 'SufficientPods' : 'InsufficientPods',
    message: '',
  };
  const others = (status.conditions ?? []).filter((c) => c.type !== 'DisruptionAllowed');
  const disruptedPods = { ...status.disruptedPods, [pod]: now };
  return { ...status, disruptionsAllowed, disruptedPods, conditions: [...others, condition] };
}
function check({ metadata, status = {} }: Budget, name: string): void {
  if ((status.observedGeneration ?? 0) < (metadata.generation ?? 0))
    throw tooMany(`The disruption budget ${name} is still being processed by the server.`, 10);
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
const tooMany = (why: string, retryAfterSeconds: number): ApiError =>
  new ApiError('TooManyRequests', "Cannot evict pod as it would violate the pod's disruption budget.", {
    details: {
      causes: [{ reason: 'DisruptionBudget', message: why }],
      ...(retryAfterSeconds > 0 && { retryAfterSeconds }),
    },
  });
