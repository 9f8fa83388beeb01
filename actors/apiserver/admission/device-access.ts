import type { AllocationResult, ResourceClaim, ResourceClaimTemplate } from '../../../schemas/generated/resource-v1.ts';
import type { Namespace } from '../../../schemas/generated/core-v1.ts';
import { equal } from '../../../schemas/meta/equal.ts';
import { fieldPath, forbidden, type FieldError } from '../../../schemas/meta/field.ts';
import { invalidError } from '../../../schemas/meta/invalid.ts';
import { statusOf } from '../../../schemas/meta/status.ts';
import { reasonsOf } from '../authorization/deciding.ts';
import { forbidden as refusal } from '../authorization/forbidden.ts';
import type { AdmissionAttributes, AdmissionPlugin, Authorizer, RequestInfo } from '../request.ts';
import { find, isOn, kind, operations, type AdmissionContext } from './common.ts';

const GROUP = 'resource.k8s.io';
const ADMIN_LABEL = 'resource.kubernetes.io/admin-access';
const NEEDS_LABEL = `admin access to devices requires the \`${ADMIN_LABEL}: true\` label on the containing namespace`;
const NODE_NAME = 'authentication.kubernetes.io/node-name';

/**
 * Who may have devices as their administrator, bind claims, and tell of devices. Part of what the real server validates:
 * it cannot be disabled, and refuses with Invalid. Source: kubernetes pkg/registry/resource/utils.go.
 */
export function deviceAccess(context: AdmissionContext, authorizer: Authorizer): AdmissionPlugin {
  const namespaces = kind(context, '', 'namespaces');
  const isAdmins = async (a: AdmissionAttributes): Promise<boolean> => {
    const namespace = await find<Namespace>(context, namespaces, '', a.namespace);
    return namespace?.metadata.labels?.[ADMIN_LABEL] === 'true';
  };
  /** Why not, or undefined. */
  const denial = async (a: AdmissionAttributes, verb: string, subresource: string, namespace: string, name: string): Promise<string | undefined> => {
    const info: RequestInfo = { isResource: true, path: '', verb, group: GROUP, version: 'v1', resource: 'resourceclaims', subresource, namespace, name };
    const decision = await authorizer.authorize(a.user, info);
    return decision.allowed === 'yes' ? undefined : statusOf(refusal(a.user, info, reasonsOf(decision)))?.message;
  }; // prettier-ignore

  const onSpec = async (a: AdmissionAttributes): Promise<void> => {
    const object = a.object as unknown as ResourceClaim & ResourceClaimTemplate;
    const { devices } = isOn(a, GROUP, 'resourceclaims') ? (object.spec ?? {}) : (object.spec?.spec ?? {});
    const index = (devices?.requests ?? []).findIndex((request) => request.exactly?.adminAccess === true);
    if (index < 0 || (await isAdmins(a))) return;
    throw invalid(a, [forbidden(fieldPath('spec')('devices')('requests')(index)('adminAccess'), NEEDS_LABEL)]);
  };
  const onStatus = async (a: AdmissionAttributes): Promise<void> => {
    const [claim, old] = [a.object, a.old] as unknown as [ResourceClaim, ResourceClaim | undefined];
    const [now, before] = [claim.status ?? {}, old?.status ?? {}];
    const verb = a.options['kind'] === 'PatchOptions' ? 'patch' : 'update';
    const errors: FieldError[] = [];
    const index = adminResult(now.allocation);
    if (index >= 0 && adminResult(before.allocation) < 0 && !(await isAdmins(a)))
      errors.push(forbidden(fieldPath('status')('allocation')('devices')('results')(index)('adminAccess'), NEEDS_LABEL));
    if (!equal(now.allocation, before.allocation) || !equal(now.reservedFor, before.reservedFor)) {
      const why = await denial(a, verb, 'binding', '', '');
      if (why !== undefined)
        errors.push(forbidden(fieldPath('status')('allocation'), `changing status.allocation or status.reservedFor requires resource="resourceclaims/binding", verb="${verb}" permission: ${why}`));
    }
    if (now.allocation) {
      const verbs = [...(isOnItsNode(a, now.allocation) ? [`associated-node:${verb}`] : []), `arbitrary-node:${verb}`];
      for (const driver of changedDrivers(now, before)) {
        const denials = await Promise.all(verbs.map((v) => denial(a, v, 'driver', a.namespace, driver)));
        if (!denials.includes(undefined))
          errors.push(forbidden(fieldPath('status')('devices'), `changing status.devices requires resource="resourceclaims/driver", verb="[${verbs.join(' ')}]" permission: ${denials[0]}`));
      }
    }
    if (errors.length > 0) throw invalid(a, errors);
  }; // prettier-ignore

  return {
    name: 'DeviceAccess',
    handles: operations('CREATE', 'UPDATE'),
    validate(a) {
      if (a.resource.group !== GROUP || a.object === undefined) return;
      if (a.operation === 'UPDATE') return isOn(a, GROUP, 'resourceclaims', 'status') ? onStatus(a) : undefined;
      return isOn(a, GROUP, 'resourceclaims') || isOn(a, GROUP, 'resourceclaimtemplates') ? onSpec(a) : undefined;
    },
  };
}
const invalid = (a: AdmissionAttributes, errors: readonly FieldError[]): Error =>
  invalidError(GROUP, a.resource.kind, a.object?.metadata.name ?? '', errors);
const adminResult = (allocation: AllocationResult | undefined): number =>
  (allocation?.devices?.results ?? []).findIndex((result) => result.adminAccess === true);

type Status = NonNullable<ResourceClaim['status']>;
/** The drivers whose word about a device comes, goes or changes, in order. */
function changedDrivers(now: Status, before: Status): readonly string[] {
  const keyOf = (d: { driver: string; pool: string; device: string; shareID?: string | undefined }): string =>
    JSON.stringify([d.driver, d.pool, d.device, d.shareID ?? '']);
  const olds = new Map((before.devices ?? []).map((d) => [keyOf(d), d]));
  const changed = new Set<string>();
  for (const device of now.devices ?? []) {
    if (!equal(device, olds.get(keyOf(device)))) changed.add(device.driver);
    olds.delete(keyOf(device));
  }
  for (const { driver } of olds.values()) changed.add(driver);
  return [...changed].sort();
}
/** A service account's token that is bound to the node of the claim. */
function isOnItsNode({ user }: AdmissionAttributes, { nodeSelector }: AllocationResult): boolean {
  const [term, ...others] = nodeSelector?.nodeSelectorTerms ?? [];
  const [field, ...more] = term?.matchFields ?? [];
  if (others.length + more.length + (term?.matchExpressions?.length ?? 0) > 0) return false;
  if (field?.key !== 'metadata.name' || field.operator !== 'In' || field.values?.length !== 1) return false;
  const nodes = user.extra?.[NODE_NAME] ?? [];
  return user.name.startsWith('system:serviceaccount:') && nodes.length === 1 && nodes[0] === field.values[0];
}
