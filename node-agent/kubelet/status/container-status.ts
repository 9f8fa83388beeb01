import type { ContainerState, ContainerStatus, VolumeMountStatus } from '../../../schemas/generated/core-v1.ts';
import { quantityOfMilli } from '../../../schemas/meta/quantity.ts';
import { milliValue, value } from '../../../schemas/helpers/quantity-number.ts';
import type { RuntimeDetails } from '../../runtime/interface.ts';
import type { ContainerRecord, Role } from '../container/record.ts';

/** What a runtime of real containers says of one; it says nothing of those that are not there. */
export type DetailsOf = (id: string) => RuntimeDetails | undefined;
type Resources = NonNullable<ContainerStatus['resources']>;

/** Source: kubelet container MaxPodTerminationMessageLogLength. */
const MOST_SAID_BYTES = 12 * 1024;
/** Below these the kernel takes what it can. Source: kubelet cm MinShares, MinMilliCPULimit. */
const MIN_SHARES = 2;
const MIN_MILLI_LIMIT = 10;

/** Of the containers in these roles: init containers as the pod has them, others by name. Source: kubelet convertToAPIContainerStatuses, normalizeStatus. */
export function containerStatuses(
  records: readonly ContainerRecord[],
  roles: readonly Role[],
  runtime: string,
  detailsOf: DetailsOf | undefined,
): ContainerStatus[] {
  const mostBytes = Math.trunc(MOST_SAID_BYTES / records.length);
  const statuses = records.filter((c) => roles.includes(c.role)).map((c) => containerStatus(c, runtime, detailsOf, mostBytes));
  return statuses.length < 2 || roles.includes('init') ? statuses : statuses.sort((a, b) => (a.name < b.name ? -1 : 1));
} // prettier-ignore
function containerStatus(
  c: ContainerRecord,
  runtime: string,
  detailsOf: DetailsOf | undefined,
  mostBytes: number,
): ContainerStatus {
  const { spec } = c;
  const isRunning = c.state.running !== undefined;
  const details = c.id === undefined ? undefined : detailsOf?.(c.id);
  const isRecursive = (path: string): boolean => details?.recursiveReadOnly?.includes(path.startsWith('/') ? path : `/${path}`) ?? false; // prettier-ignore
  const mounts = spec.volumeMounts?.map((mount): VolumeMountStatus => ({
    name: mount.name,
    mountPath: mount.mountPath,
    ...(mount.readOnly && { readOnly: true, recursiveReadOnly: isRecursive(mount.mountPath) ? 'Enabled' : 'Disabled' }),
  }));
  const user = detailsOf === undefined ? ROOT : details?.user;
  return {
    name: spec.name,
    state: cut(c.state, mostBytes),
    lastState: cut(c.lastState, mostBytes) ?? {},
    ready: c.role === 'init' ? c.state.terminated?.exitCode === 0 : c.ready,
    restartCount: c.restartCount,
    image: c.image,
    imageID: c.imageID,
    ...(c.id !== undefined && { containerID: `${runtime}://${c.id}` }),
    started: c.started,
    ...(c.id !== undefined && {
      ...(spec.resources?.requests && { allocatedResources: spec.resources.requests }),
      resources: isRunning ? resourcesOf(c, details) : (spec.resources ?? {}),
    }),
    ...(mounts && mounts.length > 0 && { volumeMounts: mounts }),
    ...(isRunning && user && { user: { linux: { ...user, supplementalGroups: [...user.supplementalGroups] } } }),
  };
}
const ROOT = { uid: 0, gid: 0, supplementalGroups: [0] };
/** What a container has: what the runtime says, else what it was last told. Source: kubelet convertContainerStatusResources. */
function resourcesOf(c: ContainerRecord, details: RuntimeDetails | undefined): Resources {
  const allocated = c.spec.resources ?? {};
  const { cpuPeriod = 0, cpuQuota = 0, cpuShares = 0, memoryLimitInBytes = 0 } = details?.resources ?? {};
  if (c.actuated === undefined && cpuPeriod === 0 && cpuShares === 0) return allocated;
  const told = c.actuated ?? allocated;
  const milliLimit = cpuPeriod > 0 && cpuQuota > 0 ? Math.trunc((cpuQuota * 1000) / cpuPeriod) : 0;
  const milliRequest = cpuShares >= MIN_SHARES ? Math.ceil((cpuShares * 1000) / 1024) : 0;
  const limits = { ...allocated.limits, ...only(told.limits) };
  const requests = { ...allocated.requests, ...only(told.requests) };
  // What is the same amount stays as it is written.
  if (milliLimit > 0 && milliLimit !== milliValue(limits['cpu']) && Math.max(milliLimit, milliValue(allocated.limits?.['cpu'])) > MIN_MILLI_LIMIT) limits['cpu'] = quantityOfMilli(milliLimit);
  if (memoryLimitInBytes > 0 && memoryLimitInBytes !== value(limits['memory'])) limits['memory'] = String(memoryLimitInBytes);
  if (milliRequest > 0 && milliRequest !== milliValue(requests['cpu']) && Math.max(milliRequest, milliValue(allocated.requests?.['cpu'])) > MIN_SHARES) requests['cpu'] = quantityOfMilli(milliRequest);
  return {
    ...allocated,
    ...(allocated.limits && { limits }),
    ...(allocated.requests && { requests }),
  };
} // prettier-ignore
const RESIZABLE = ['cpu', 'memory'];
const only = (list: Resources['limits']): NonNullable<Resources['limits']> =>
  Object.fromEntries(Object.entries(list ?? {}).filter(([name]) => RESIZABLE.includes(name)));

/** Last words of a pod's containers share what there is room for. */
function cut<T extends ContainerState | undefined>(state: T, mostBytes: number): T {
  const message = state?.terminated?.message;
  if (message === undefined || message.length * 3 <= mostBytes) return state;
  const bytes = Buffer.from(message);
  if (bytes.length <= mostBytes) return state;
  return { ...state, terminated: { ...state!.terminated, message: bytes.subarray(0, mostBytes).toString() } };
}
