import type { KubeObject } from '../../schemas/meta/object.ts';
import { timeOf } from './time.ts';

/**
 * The key a node is known by, on its Node. No kubelet may set or change labels below this domain (NodeRestriction), not
 * even its own.
 */
export const KEY_LABEL = 'kubus.node-restriction.kubernetes.io/nkey';
/** Present on a Node whose key and certificate are no longer good. */
export const REVOKED_LABEL = 'kubus.node-restriction.kubernetes.io/revoked';

/** Signers date certificates back by at most this. Source: pkg/controller/certificates/signer Backdate. */
const BACKDATED_MS = 5 * 60_000;
/**
 * Whether a certificate that began to be good at `notBefore` (ms) was issued before this Node was made: certificates cannot be
 * taken back, so those of a Node that was deleted must not be good for the next one of its name.
 */
export const isOfFormerNode = (notBefore: number, { metadata }: KubeObject): boolean =>
  notBefore + BACKDATED_MS < (timeOf(metadata.creationTimestamp) ?? Infinity);
