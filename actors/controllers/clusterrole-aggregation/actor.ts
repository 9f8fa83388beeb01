import type { ClusterRole } from '../../../schemas/generated/rbac-v1.ts';
import { reconciling, startController, type Controller } from '../../runtime/controller.ts';
import { source } from '../../runtime/source.ts';
import type { ControllerDeps } from '../../runtime/controller-deps.ts';
import { clusterRoles, reconcile } from './reconcile.ts';

/** Fills `admin`, `edit`, `view` and whatever else aggregates: any role's change may concern any of them. */
export function startClusterRoleAggregation(deps: ControllerDeps): Controller {
  const client = deps.client('controller:clusterrole-aggregation');
  const roles = deps.informers.for<ClusterRole>(clusterRoles);
  const aggregating = (): string[] =>
    [...roles.all()].filter((role) => role.aggregationRule !== undefined).map((role) => role.metadata.name!);
  return startController({
    name: 'clusterrole-aggregation',
    ...deps,
    client,
    sources: [source(roles, aggregating)],
    sync: reconciling((key) => {
      const role = roles.get(key);
      return role && { role, all: roles.all() };
    }, reconcile),
  });
}
