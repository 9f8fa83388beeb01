import type { PolicyRule } from '../../../schemas/generated/rbac-v1.ts';
import type { Decision, RequestInfo, UserInfo } from '../request.ts';
import type { NodeGraph } from './node-graph.ts';
import { ruleAllows } from './rules.ts';

const YES: Decision = { allowed: 'yes', reason: '' };
const NONE: Decision = { allowed: 'noOpinion', reason: '' };
const no = (reason: string): Decision => ({ allowed: 'noOpinion', reason });
const PREFIX = 'system:node:';

/** Name of the node that a user is; '' when it claims to be a node but says not which; undefined for others. */
export function nodeOf(user: UserInfo): string | undefined {
  if (!user.name.startsWith(PREFIX) || !user.groups.includes('system:nodes')) return undefined;
  return user.name.slice(PREFIX.length);
}

/** True if a field selector holds the term `field=value`. */
function selects(selector: string | undefined, field: string, value: string): boolean {
  if (!selector) return false;
  return selector.split(',').some((term) => {
    const [left = '', right = ''] = term.split(/==?/, 2);
    return !term.includes('!=') && left.trim() === field && right.trim() === value;
  });
}

/**
 * What kubelets may do: their own node and what is led to it, the rest by fixed rules; nothing, once it was revoked.
 * Source: kubernetes plugin/pkg/auth/authorizer/node/node_authorizer.go.
 */
export function createNodeAuthorizer(
  graph: NodeGraph,
  rules: readonly PolicyRule[],
  /** Why a node is not believed to be it, or not trusted any more; undefined: it is. */
  distrust: (node: string, user: UserInfo) => string | undefined,
) {
  const related = (node: string, info: RequestInfo): Decision => {
    if (info.name === '') return no('No Object name found');
    return graph.reaches(node, info.resource, info.namespace, info.name)
      ? YES
      : no(`no relationship found between node '${node}' and this object`);
  };
  const get = (node: string, info: RequestInfo): Decision => {
    if (info.verb !== 'get') return no('can only get individual resources of this type');
    if (info.subresource !== '') return no('cannot get subresource');
    return related(node, info);
  };
  const readNamespaced = (node: string, info: RequestInfo): Decision => {
    if (!['get', 'list', 'watch'].includes(info.verb)) return no('can only read resources of this type');
    if (info.subresource !== '') return no('cannot read subresource');
    if (info.namespace === '') return no('can only read namespaced object of this type');
    return related(node, info);
  };
  const own = (node: string, info: RequestInfo, what: string, called: string): Decision => {
    if (!['get', 'create', 'update', 'patch', 'delete'].includes(info.verb))
      return no(`can only get, create, update, patch, or delete a ${what}`);
    if (what === 'CSINode' && info.subresource !== '') return no('cannot authorize CSINode subresources');
    if (what === 'node lease' && info.namespace !== 'kube-node-lease')
      return no('can only access leases in the "kube-node-lease" system namespace');
    if (info.verb !== 'create' && info.name !== node)
      return no(`can only access ${called} with the same name as the requesting node`);
    return YES;
  };
  const serviceAccount = (node: string, info: RequestInfo): Decision => {
    if (info.verb === 'get' && info.subresource === '') return readNamespaced(node, info);
    if (info.verb !== 'create' || info.name === '') return no('can only create tokens for individual service accounts');
    if (info.subresource !== 'token') return no('can only create token subresource of serviceaccount');
    return related(node, info);
  };
  const slices = (node: string, info: RequestInfo): Decision => {
    if (info.subresource !== '') return no('cannot authorize ResourceSlice subresources');
    if (info.verb === 'create') return YES;
    if (['get', 'update', 'patch', 'delete'].includes(info.verb)) return related(node, info);
    if (!['watch', 'list', 'deletecollection'].includes(info.verb))
      return no(
        'only the following verbs are allowed for a ResourceSlice: get, watch, list, create, update, patch, delete, deletecollection',
      );
    return selects(info.fieldSelector, 'spec.nodeName', node)
      ? YES
      : no('can only list/watch/deletecollection resourceslices with nodeName field selector');
  };
  const nodes = (node: string, info: RequestInfo): Decision => {
    const writes = info.verb === 'update' || info.verb === 'patch';
    if (info.subresource === 'status') return writes ? YES : NONE;
    if (info.subresource !== '') return NONE;
    if (writes || info.verb === 'create') return YES;
    if (!['get', 'list', 'watch'].includes(info.verb)) return NONE;
    if (info.name === node) return YES;
    return no(
      info.name === ''
        ? `node '${node}' cannot read all nodes, only its own Node object`
        : `node '${node}' cannot read '${info.name}', only its own Node object`,
    );
  };
  const pods = (node: string, info: RequestInfo): Decision => {
    if (info.subresource === 'status') return info.verb === 'update' || info.verb === 'patch' ? YES : NONE;
    if (info.subresource === 'eviction') return info.verb === 'create' ? YES : NONE;
    if (info.subresource !== '') return NONE;
    switch (info.verb) {
      case 'get':
        return get(node, info);
      case 'create':
      case 'delete':
        return YES;
      case 'list':
      case 'watch':
        if (selects(info.fieldSelector, 'spec.nodeName', node)) return YES;
        return info.name === ''
          ? no('can only list/watch pods with spec.nodeName field selector')
          : related(node, info);
      default:
        return NONE;
    }
  };
  const claims = (node: string, info: RequestInfo): Decision => {
    if (info.subresource !== 'status') return get(node, info);
    if (info.verb !== 'update' && info.verb !== 'patch') return no('can only get/update/patch this type');
    return related(node, info);
  };
  const ruled = new Map<string, (node: string, info: RequestInfo) => Decision>([
    ['/secrets', readNamespaced],
    ['/configmaps', readNamespaced],
    ['/persistentvolumeclaims', claims],
    ['/persistentvolumes', get],
    ['/serviceaccounts', serviceAccount],
    ['/nodes', nodes],
    ['/pods', pods],
    ['resource.k8s.io/resourceclaims', get],
    ['resource.k8s.io/resourceslices', slices],
    ['storage.k8s.io/volumeattachments', get],
    ['storage.k8s.io/csinodes', (node, info) => own(node, info, 'CSINode', 'CSINode')],
    ['coordination.k8s.io/leases', (node, info) => own(node, info, 'node lease', 'node lease')],
  ]);
  return {
    authorize(user: UserInfo, info: RequestInfo): Decision {
      const node = nodeOf(user);
      if (node === undefined) return NONE;
      if (node === '') return no(`unknown node for user "${user.name}"`);
      // A certificate cannot be taken back, so it is looked at whose it is; nobody else is asked then.
      const why = distrust(node, user);
      if (why !== undefined) return { allowed: 'no', reason: why };
      const rule = info.isResource ? ruled.get(`${info.group}/${info.resource}`) : undefined;
      if (rule !== undefined) return rule(node, info);
      return rules.some((r) => ruleAllows(r, info)) ? YES : NONE;
    },
  };
}
