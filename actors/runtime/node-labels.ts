/**
 * The key a node is known by, on its Node. No kubelet may set or change labels below this domain (NodeRestriction), not
 * even its own.
 */
export const KEY_LABEL = 'kubus.node-restriction.kubernetes.io/nkey';
/** Present on a Node whose key and certificate are no longer good. */
export const REVOKED_LABEL = 'kubus.node-restriction.kubernetes.io/revoked';
