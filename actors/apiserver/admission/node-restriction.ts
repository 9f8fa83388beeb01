import type { Node, PersistentVolumeClaim, Pod } from '../../../schemas/generated/core-v1.ts';
import { equal } from '../../../schemas/meta/equal.ts';
import type { DynamicObject } from '../../../schemas/meta/object.ts';
import { ApiError } from '../../../schemas/meta/status.ts';
import { nodeOf } from '../authorization/node.ts';
import type { AdmissionAttributes, AdmissionPlugin } from '../request.ts';
import { find, forbid, isOn, kind, MIRROR, operations, type AdmissionContext } from './common.ts';
import { commonNameOf } from './csr-subject.ts';
import { forbiddenLabels } from './node-labels.ts';
import { apiReferenceOf } from './pod-references.ts';
import { createAudiences } from './token-audiences.ts';

/** A kubelet writes about its own node and its own pods. Source: kubernetes plugin/pkg/admission/noderestriction. */
export function nodeRestriction(context: AdmissionContext): AdmissionPlugin {
  const pods = kind(context, '', 'pods');
  const nodes = kind(context, '', 'nodes');
  const asksFor = createAudiences(context);
  const podOf = async (namespace: string, name: string): Promise<Pod> => {
    const pod = await find<Pod>(context, pods, namespace, name);
    if (pod !== undefined) return pod;
    throw unlisted('pod', name);
  };

  const createPod = async (node: string, a: AdmissionAttributes): Promise<void> => {
    const pod = a.object as unknown as Pod;
    const who = `node ${JSON.stringify(node)}`;
    if (pod.metadata.annotations?.[MIRROR] === undefined)
      throw forbid(a, `pod does not have ${JSON.stringify(MIRROR)} annotation, ${who} can only create mirror pods`);
    if (pod.spec?.nodeName !== node) throw forbid(a, `${who} can only create pods with spec.nodeName set to itself`);
    const owners = pod.metadata.ownerReferences ?? [];
    if (owners.length > 1) throw forbid(a, `${who} can only create pods with a single owner reference set to itself`);
    const owner = owners[0];
    if (owner === undefined || owner.apiVersion !== 'v1' || owner.kind !== 'Node' || owner.name !== node)
      throw forbid(a, `${who} can only create pods with an owner reference set to itself`);
    if (owner.controller !== true)
      throw forbid(a, `${who} can only create pods with a controller owner reference set to itself`);
    if (owner.blockOwnerDeletion === true)
      throw forbid(a, `${who} must not set blockOwnerDeletion on an owner reference`);
    const own = await find<Node>(context, nodes, '', node);
    if (own === undefined) throw unlisted('node', node);
    if (owner.uid !== own.metadata.uid)
      throw forbid(a, `node ${node} UID mismatch: expected ${owner.uid} got ${own.metadata.uid ?? ''}`);
    const reference = apiReferenceOf(pod);
    if (reference !== undefined) throw forbid(a, `${who} can not create pods that reference ${reference}`);
  };
  const onPod = async (node: string, a: AdmissionAttributes): Promise<void> => {
    const who = `node ${JSON.stringify(node)}`;
    switch (a.subresource?.name ?? '') {
      case '':
        if (a.operation === 'CREATE') return createPod(node, a);
        if (a.operation !== 'DELETE')
          throw forbid(
            a,
            `unexpected operation ${JSON.stringify(a.operation)}, ${who} can only create and delete mirror pods`,
          );
        if ((await podOf(a.namespace, a.name)).spec?.nodeName !== node)
          throw forbid(a, `${who} can only delete pods with spec.nodeName set to itself`);
        return;
      case 'status': {
        const [next, old] = [a.object, a.old] as (Pod | undefined)[];
        if (a.operation !== 'UPDATE') throw forbid(a, `unexpected operation ${JSON.stringify(a.operation)}`);
        if (old?.spec?.nodeName !== node)
          throw forbid(a, `${who} can only update pod status for pods with spec.nodeName set to itself`);
        if (!equal(old.metadata.labels, next?.metadata.labels))
          throw forbid(a, `${who} cannot update labels through pod status`);
        if (!equal(old.status?.resourceClaimStatuses, next?.status?.resourceClaimStatuses))
          throw forbid(a, `${who} cannot update resource claim statues`);
        if (!equal(old.status?.extendedResourceClaimStatus, next?.status?.extendedResourceClaimStatus))
          throw forbid(a, `${who} cannot update extended resource claim status`);
        return;
      }
      case 'eviction':
        if (a.operation !== 'CREATE') throw forbid(a, `unexpected operation ${a.operation}`);
        if ((await podOf(a.namespace, a.name || (a.object?.metadata.name ?? ''))).spec?.nodeName !== node)
          throw forbid(a, `node ${node} can only evict pods with spec.nodeName set to itself`);
        return;
      default:
        throw forbid(
          a,
          `unexpected pod subresource ${JSON.stringify(a.subresource?.name)}, only 'status' and 'eviction' are allowed`,
        );
    }
  };
  const onNode = (node: string, a: AdmissionAttributes): void => {
    const who = `node ${JSON.stringify(node)}`;
    const name = a.name || (a.object?.metadata.name ?? '');
    if (name !== node) throw forbid(a, `${who} is not allowed to modify node ${JSON.stringify(name)}`);
    const [next, old] = [a.object, a.old] as (Node | undefined)[];
    if (a.operation === 'CREATE') {
      if (next?.spec?.configSource !== undefined)
        throw forbid(a, `${who} is not allowed to create pods with a non-nil configSource`);
      const labels = forbiddenLabels(next?.metadata.labels, undefined);
      if (labels.length > 0) throw forbid(a, `${who} is not allowed to set the following labels: ${labels.join(', ')}`);
    }
    if (a.operation !== 'UPDATE') return;
    if (next?.spec?.configSource !== undefined && !equal(next.spec.configSource, old?.spec?.configSource))
      throw forbid(a, `${who} is not allowed to update configSource to a new non-nil configSource`);
    if (!equal(next?.spec?.taints, old?.spec?.taints)) throw forbid(a, `${who} is not allowed to modify taints`);
    if (!equal(next?.metadata.ownerReferences, old?.metadata.ownerReferences))
      throw forbid(a, `${who} is not allowed to modify ownerReferences`);
    const labels = forbiddenLabels(next?.metadata.labels, old?.metadata.labels);
    if (labels.length > 0) throw forbid(a, `is not allowed to modify labels: ${labels.join(', ')}`);
  };
  const onClaim = (node: string, a: AdmissionAttributes): void => {
    if (a.subresource?.name !== 'status') throw forbid(a, 'may only update PVC status');
    if (a.operation !== 'UPDATE') throw forbid(a, `unexpected operation ${JSON.stringify(a.operation)}`);
    const strip = (o: DynamicObject | undefined): unknown => {
      const { metadata, status, ...rest } = o as unknown as PersistentVolumeClaim;
      const { resourceVersion: _v, managedFields: _m, ...meta } = metadata;
      const {
        capacity: _c,
        conditions: _d,
        allocatedResources: _a,
        allocatedResourceStatuses: _s,
        ...state
      } = status ?? {};
      return { ...rest, metadata: meta, status: state };
    };
    if (!equal(strip(a.object), strip(a.old)))
      throw forbid(
        a,
        `node ${JSON.stringify(node)} is not allowed to update fields other than status.quantity and status.conditions`,
      );
  };
  const onToken = async (node: string, a: AdmissionAttributes): Promise<void> => {
    if (a.operation !== 'CREATE' || a.subresource?.name !== 'token') return;
    interface Spec {
      readonly audiences?: readonly string[];
      readonly boundObjectRef?: { apiVersion?: string; kind?: string; name?: string; uid?: string };
    }
    const spec = a.object?.['spec'] as Spec | undefined;
    const ref = spec?.boundObjectRef;
    if (ref?.apiVersion !== 'v1' || ref.kind !== 'Pod' || !ref.name)
      throw forbid(a, 'node requested token not bound to a pod');
    if (!ref.uid) throw forbid(a, 'node requested token with a pod binding without a uid');
    const pod = await podOf(a.namespace, ref.name);
    if (ref.uid !== pod.metadata.uid)
      throw forbid(
        a,
        `the UID in the bound object reference (${ref.uid}) does not match the UID in record. The object might have been deleted and then recreated`,
      );
    if (pod.spec?.nodeName !== node)
      throw forbid(a, 'node requested token bound to a pod scheduled on a different node');
    const audiences = spec?.audiences ?? [];
    if (audiences.length > 1) throw forbid(a, 'node may only request 0 or 1 audiences');
    const audience = audiences[0] ?? '';
    const { found, problems } = await asksFor(pod, audience);
    if (problems !== '') throw forbid(a, `error validating audience ${JSON.stringify(audience)}: ${problems}`);
    if (found) return;
    const decision = await context.authorizer.authorize(a.user, {
      isResource: true, path: '', verb: 'request-serviceaccounts-token-audience', group: '', version: 'v1',
      resource: audience, subresource: '', namespace: a.namespace, name: a.name,
    }); // prettier-ignore
    if (decision.allowed !== 'yes' && decision.error !== undefined)
      throw forbid(
        a,
        `audience ${JSON.stringify(audience)} not found in pod spec volume, error authorizing ${a.user.name} to request tokens for this audience: ${decision.error}`,
      );
    if (decision.allowed !== 'yes')
      throw forbid(
        a,
        `audience ${JSON.stringify(audience)} not found in pod spec volume, ${a.user.name} is not authorized to request tokens for this audience`,
      );
  };
  /** Objects of a node are named after it. */
  const named = (node: string, a: AdmissionAttributes, text: (quoted: string) => string): void => {
    const name = a.operation === 'CREATE' ? (a.object?.metadata.name ?? a.name) : a.name;
    if (name !== node) throw forbid(a, text(JSON.stringify(node)));
  };

  return {
    name: 'NodeRestriction',
    handles: operations('CREATE', 'UPDATE', 'DELETE'),
    // In the first phase, as in the real server: before anyone says what is wrong with the object itself.
    mutate(a) {
      const node = nodeOf(a.user);
      if (node === undefined) return;
      if (node === '') throw forbid(a, `could not determine node from user ${JSON.stringify(a.user.name)}`);
      const { group, resource } = a.resource;
      switch (`${group}/${resource}`) {
        case '/pods':
          return onPod(node, a);
        case '/nodes':
          return onNode(node, a);
        case '/persistentvolumeclaims':
          return onClaim(node, a);
        case '/serviceaccounts':
          return onToken(node, a);
        case 'coordination.k8s.io/leases':
          if (a.namespace !== 'kube-node-lease')
            throw forbid(a, 'can only access leases in the "kube-node-lease" system namespace');
          return named(node, a, () => 'can only access node lease with the same name as the requesting node');
        case 'storage.k8s.io/csinodes':
          return named(node, a, () => 'can only access CSINode with the same name as the requesting node');
        case 'resource.k8s.io/resourceslices': {
          if (a.operation === 'UPDATE') return;
          const [slice, verb] = a.operation === 'DELETE' ? [a.old, 'delete'] : [a.object, 'create'];
          if ((slice?.['spec'] as { nodeName?: string } | undefined)?.nodeName !== node)
            throw forbid(a, `can only ${verb} ResourceSlice with the same NodeName as the requesting node`);
          return;
        }
        default:
          if (isOn(a, 'certificates.k8s.io', 'certificatesigningrequests')) return onRequest(node, a);
      }
    },
  };
}
/** As the real server's listers say it: in the singular. */
const unlisted = (singular: string, name: string): ApiError =>
  new ApiError('NotFound', `${singular} ${JSON.stringify(name)} not found`, { details: { name, kind: singular } });
/** A kubelet asks for certificates for itself. */
function onRequest(_node: string, a: AdmissionAttributes): void {
  if (a.operation !== 'CREATE') return;
  const spec = a.object?.['spec'] as { signerName?: string; request?: string } | undefined;
  const ours = ['kubernetes.io/kubelet-serving', 'kubernetes.io/kube-apiserver-client-kubelet'];
  if (!ours.includes(spec?.signerName ?? '')) return;
  const common = commonNameOf(spec?.request);
  if (common === undefined) throw forbid(a, 'unable to parse csr: PEM block type must be CERTIFICATE REQUEST');
  if (common !== a.user.name) throw forbid(a, `can only create a node CSR with CN=${a.user.name}`);
}
