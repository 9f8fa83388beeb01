import type { ReplicationController } from '../../../schemas/generated/core-v1.ts';
import { nothing, selectorFromLabels, type Selector } from '../../../schemas/meta/selectors.ts';
import type { Controller } from '../../runtime/controller.ts';
import type { ControllerDeps } from '../../runtime/controller-deps.ts';
import { startReplicaController } from '../../runtime/replicas/controller.ts';
import type { ReplicaKind } from '../../runtime/replicas/reconcile.ts';
import { replicationControllers } from '../../runtime/resources.ts';

/** Each pod without an owner is held against all selectors of its namespace, so they are compiled once. */
const compiled = new WeakMap<object, Selector>();
function selectorOf({ spec }: ReplicationController): Selector {
  if (!spec?.selector) return nothing;
  let selector = compiled.get(spec.selector);
  if (!selector) compiled.set(spec.selector, (selector = selectorFromLabels(spec.selector)));
  return selector;
}
const REPLICATION_CONTROLLERS: ReplicaKind<ReplicationController> = {
  name: 'replicationcontroller',
  component: 'replication-controller',
  gvr: replicationControllers,
  kind: 'ReplicationController',
  selectorOf,
  countsTerminating: false,
};
/** ReplicationControllers are ReplicaSets of an older form: a map for a selector, and no count of pods on their way out. */
export const startReplicationController = (deps: ControllerDeps): Controller =>
  startReplicaController(REPLICATION_CONTROLLERS, deps);
