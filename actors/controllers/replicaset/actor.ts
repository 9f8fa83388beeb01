import type { ReplicaSet } from '../../../schemas/generated/apps-v1.ts';
import { selectorFromObject } from '../../../schemas/meta/selectors.ts';
import type { Controller } from '../../runtime/controller.ts';
import type { ControllerDeps } from '../../runtime/controller-deps.ts';
import { startReplicaController } from '../../runtime/replicas/controller.ts';
import type { ReplicaKind } from '../../runtime/replicas/reconcile.ts';
import { replicaSets } from '../../runtime/resources.ts';

const REPLICA_SETS: ReplicaKind<ReplicaSet> = {
  name: 'replicaset',
  component: 'replicaset-controller',
  gvr: replicaSets,
  kind: 'ReplicaSet',
  selectorOf: (set) => selectorFromObject(set.spec?.selector),
  countsTerminating: true,
};
/** Keeps as many pods of each ReplicaSet as it asks for. */
export const startReplicaSetController = (deps: ControllerDeps): Controller =>
  startReplicaController(REPLICA_SETS, deps);
