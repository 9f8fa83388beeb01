import type { Lease } from '../../../schemas/generated/coordination-v1.ts';
import type { ComponentStatus } from '../../../schemas/generated/core-v1.ts';
import type { KubeObject } from '../../../schemas/meta/object.ts';
import { parseTime } from '../../../schemas/meta/time.ts';
import { storageKey } from '../../../schemas/resource.ts';
import { leases } from '../../runtime/resources.ts';
import type { Core, Handler, ResourceRequest } from '../core.ts';
import { notFound } from '../errors.ts';
import { checkList } from '../verbs/list.ts';
import { selectionOf } from '../stages/select.ts';
import { Entry } from '../watch-cache/entry.ts';

/** undefined: it is well. */
type Check = (core: Core) => Promise<string | undefined> | string | undefined;
/** Elected components are well while somebody holds their Lease: there is no port at which they could be asked. */
const elected = (name: string): Check => (core) => {
  const spec = leaseOf(core, name)?.spec;
  if (!spec?.holderIdentity) return `nobody holds the Lease kube-system/${name}`;
  const late = core.world.clock.now() - (parseTime(spec.renewTime ?? '') ?? 0) - (spec.leaseDurationSeconds ?? 0) * 1000;
  return late <= 0 ? undefined : `${spec.holderIdentity} has not renewed the Lease kube-system/${name} in time`;
}; // prettier-ignore
/** In the order in which they are listed. */
const COMPONENTS: ReadonlyMap<string, Check> = new Map<string, Check>([
  ['scheduler', elected('kube-scheduler')],
  ['controller-manager', elected('kube-controller-manager')],
  ['etcd-0', (core) => core.barrier().then(() => undefined, (error: unknown) => (error as Error).message)], // prettier-ignore
]);
function leaseOf(core: Core, name: string): Lease | undefined {
  const resource = core.registry.lookup(leases)!;
  const entry = core.cache.of(resource).byKey.get(storageKey(resource, 'kube-system', name));
  return entry?.object;
}

async function statusOf(core: Core, { resource }: ResourceRequest, name: string): Promise<Entry> {
  const why = await COMPONENTS.get(name)!(core);
  const condition = { type: 'Healthy', status: why === undefined ? 'True' : 'False', message: why ?? 'ok' };
  const object: ComponentStatus = { kind: 'ComponentStatus', apiVersion: 'v1', metadata: { name }, conditions: [condition] }; // prettier-ignore
  const bytes = core.codec.encode(object);
  const reader = { open: (_key: string, plain: Uint8Array) => plain, decode: (plain: Uint8Array) => core.codec.decode(plain) }; // prettier-ignore
  return new Entry(reader, storageKey(resource, '', name), 0, 0, bytes, object as KubeObject as never);
}

/** How the components of the control plane are, as `kubectl get componentstatuses` asks. Source: pkg/registry/core/componentstatus. */
export const componentStatuses: Readonly<Record<string, Handler>> = {
  async get(core, request) {
    if (!COMPONENTS.has(request.info.name)) throw notFound({ ...request.resource, resource: 'componentstatus' }, request.info.name); // prettier-ignore
    return { type: 'entry', code: 200, resource: request.resource, entry: await statusOf(core, request, request.info.name) }; // prettier-ignore
  },
  async list(core, request) {
    checkList(core, request);
    const { scope } = selectionOf(core, request);
    const all = await Promise.all([...COMPONENTS.keys()].map((name) => statusOf(core, request, name)));
    const entries = all.filter((entry) => (scope.key === undefined || scope.key === entry.key) && (scope.matches?.(entry) ?? true)); // prettier-ignore
    return { type: 'list', resource: request.resource, entries, revision: 0 };
  },
};
