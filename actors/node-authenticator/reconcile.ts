import type { Node } from '../../schemas/generated/core-v1.ts';
import type { UserInfo } from '../../schemas/generated/authentication-v1.ts';
import { isOfFormerNode, KEY_LABEL, REVOKED_LABEL } from '../runtime/node-labels.ts';

export type Decision =
  | { readonly do: 'admit' }
  /** There is no Node yet. */
  | { readonly do: 'bind' }
  /** The Node is there, and has another key, which is no longer good then. */
  | { readonly do: 'rebind' }
  | { readonly do: 'refuse'; readonly why: string };
/** What a certificate proves that was shown: that it is the node's since `notBefore` (ms), or why it proves nothing. */
export type Shown = { readonly notBefore: number } | { readonly why: string };
const refuse = (why: string): Decision => ({ do: 'refuse', why });

/** Whether the Node knows this key and still trusts it. */
export function isBound(node: Node | undefined, key: string): boolean {
  const labels = node?.metadata.labels;
  return labels?.[KEY_LABEL] === key && labels[REVOKED_LABEL] === undefined;
}

/**
 * About one who proved to hold `key` and says to be this node. `bearer`: whose token it brought, `shown`: of its certificate;
 * undefined for none. A token is good for a name that is free; a certificate for a Node that has joined, whose key it replaces.
 */
export function decide(observed: {
  readonly node: Node | undefined;
  readonly key: string;
  readonly bearer: UserInfo | undefined;
  readonly shown?: Shown | undefined;
}): Decision {
  const { node, key, bearer, shown } = observed;
  if (node !== undefined) {
    const labels = node.metadata.labels;
    if (labels?.[REVOKED_LABEL] !== undefined) return refuse('its credential was revoked');
    if (labels?.[KEY_LABEL] === undefined) return refuse('a Node of this name exists that did not join by a token');
    if (labels[KEY_LABEL] === key) return { do: 'admit' };
    const bound = 'the Node is bound to another key';
    if (shown === undefined) return refuse(bound);
    if ('why' in shown) return refuse(`${bound}, and ${shown.why}`);
    return isOfFormerNode(shown.notBefore, node)
      ? refuse(`${bound}, and its certificate is older than the Node`)
      : { do: 'rebind' };
  }
  if (bearer === undefined) return refuse('there is no such Node, and it brought no token that is good');
  return isBootstrapper(bearer) ? { do: 'bind' } : refuse('its token is not a bootstrap token');
}
/** Source: kubernetes bootstrap tokens: user `system:bootstrap:<id>`. */
const isBootstrapper = ({ username, groups }: UserInfo): boolean =>
  (username?.startsWith('system:bootstrap:') ?? false) && (groups?.includes('system:bootstrappers') ?? false);

/**
 * A Node before its kubelet has said anything of it: the binding of name and key. `isOfCloud`: no pod comes before a cloud
 * has said where it is; its kubelet could not say so any more, as it finds the Node. Source: kubelet initialNode.
 */
export const bareNode = (name: string, key: string, isOfCloud = false): Node => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name, labels: { [KEY_LABEL]: key } },
  ...(isOfCloud && {
    spec: { taints: [{ key: 'node.cloudprovider.kubernetes.io/uninitialized', value: 'true', effect: 'NoSchedule' }] },
  }),
});
