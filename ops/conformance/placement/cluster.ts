import type { Node, Pod } from '../../../schemas/generated/core-v1.ts';
import type { KubeObject } from '../../../schemas/meta/object.ts';

/** A cluster, and the pod that is to be placed in it. */
export interface Cluster {
  readonly nodes: readonly Node[];
  /** Those with a node. */
  readonly pods: readonly Pod[];
  readonly pod: Pod;
  /** All else, by group, version and resource; decides nothing about pods of other clusters. */
  readonly beside: Readonly<Record<string, readonly KubeObject[]>>;
}
export const PLACES = {
  nodes: 'v1/nodes',
  pods: 'v1/pods',
  namespaces: 'v1/namespaces',
  services: 'v1/services',
  replicaSets: 'apps/v1/replicasets',
  claims: 'v1/persistentvolumeclaims',
  volumes: 'v1/persistentvolumes',
  classes: 'storage.k8s.io/v1/storageclasses',
  csiNodes: 'storage.k8s.io/v1/csinodes',
  budgets: 'policy/v1/poddisruptionbudgets',
  deviceClaims: 'resource.k8s.io/v1/resourceclaims',
  deviceClasses: 'resource.k8s.io/v1/deviceclasses',
} as const;

/** Names of a cluster begin with this, so that several can lie in one store; verdicts leave it out. */
export const prefixOf = (index: number): string => `c${index}-`;
export const shortName = (text: string): string => text.replaceAll(/\bc\d+-/g, '');
