import type { DynamicObject } from '../../../schemas/meta/object.ts';
import type { Core } from '../core.ts';
import type { UserInfo } from '../request.ts';

/** What an answer says of its place in priority and fairness. Requests are not queued by it yet. */
export interface FlowClass {
  readonly schemaUid: string;
  readonly levelUid: string;
}
const NONE: FlowClass = { schemaUid: '', levelUid: '' };
const GROUP = { group: 'flowcontrol.apiserver.k8s.io', version: 'v1' };
interface FlowSchema extends DynamicObject {
  readonly spec?: { readonly priorityLevelConfiguration?: { readonly name?: string } };
}
let known = new WeakMap<UserInfo, FlowClass>();
let followed: Core | undefined;

/** The flow of a user: by its groups, as the mandatory and suggested FlowSchemas match them. */
export function classify(core: Core, user: UserInfo): FlowClass {
  let found = followed === core ? known.get(user) : undefined;
  if (found === undefined) {
    follow(core);
    found = look(core, nameOf(user));
    if (found !== NONE) known.set(user, found);
  }
  return found;
}
/** Classes are forgotten when a FlowSchema changes. */
function follow(core: Core): void {
  if (followed === core) return;
  followed = core;
  known = new WeakMap();
  const schemas = core.registry.lookup({ ...GROUP, resource: 'flowschemas' });
  if (schemas) core.cache.onChange(schemas, () => (known = new WeakMap()));
}
function nameOf(user: UserInfo): string {
  if (user.groups.includes('system:masters')) return 'exempt';
  if (user.groups.includes('system:nodes')) return 'system-nodes';
  if (user.name.startsWith('system:serviceaccount:kube-system:')) return 'kube-system-service-accounts';
  if (user.groups.includes('system:serviceaccounts')) return 'service-accounts';
  if (user.groups.includes('system:authenticated') || user.groups.includes('system:unauthenticated'))
    return 'global-default';
  return 'catch-all';
}
function look(core: Core, name: string): FlowClass {
  const schemas = core.registry.lookup({ ...GROUP, resource: 'flowschemas' });
  const levels = core.registry.lookup({ ...GROUP, resource: 'prioritylevelconfigurations' });
  if (schemas === undefined || levels === undefined) return NONE;
  const schema = core.cache.get<FlowSchema>(schemas, '', name);
  if (schema === undefined) return NONE;
  const level = core.cache.get(levels, '', schema.spec?.priorityLevelConfiguration?.name ?? '');
  return { schemaUid: schema.metadata.uid ?? '', levelUid: level?.metadata.uid ?? '' };
}
