import type { Deployment } from '../../../schemas/generated/apps-v1.ts';
import type { Decision, Intent } from '../../runtime/intent.ts';
import { deployments } from '../../runtime/resources.ts';
import type { Pass } from './reconcile.ts';
import * as rev from './revisions.ts';

/**
 * Goes back to a revision because of the annotation `deprecated.deployment.rollback.to` (0: the one before). Today's
 * kubectl patches the template instead; the annotation is what extensions/v1beta1's rollback has become.
 */
export function rollback({ d, all }: Pass, to: bigint): Decision {
  const event = (type: 'Normal' | 'Warning', reason: string, message: string): Intent => ({ op: 'event', type, regarding: d, reason, message }); // prettier-ignore
  const { [rev.ROLLBACK_TO]: _to, ...annotations } = d.metadata.annotations ?? {};
  const cleared: Deployment = { ...d, metadata: { ...d.metadata, annotations } };
  const write = (object: Deployment): Intent => ({ op: 'update', gvr: deployments, object });

  const revision = to === 0n ? rev.lastRevision(all) : to;
  const target = revision === 0n ? undefined : all.find((set) => rev.revisionOf(set) === revision);
  if (!target) {
    const message = revision === 0n ? 'Unable to find last revision.' : 'Unable to find the revision to rollback to.';
    return { intents: [event('Warning', 'DeploymentRollbackRevisionNotFound', message), write(cleared)] };
  }
  if (rev.sameTemplate(d.spec?.template, target.spec?.template)) {
    const message = `The rollback revision contains the same template as current deployment "${d.metadata.name}"`;
    return { intents: [event('Warning', 'DeploymentRollbackTemplateUnchanged', message), write(cleared)] };
  }
  const restored: Deployment = {
    ...d,
    metadata: { ...d.metadata, annotations: rev.rolledBack(d, target) },
    spec: { ...d.spec!, template: rev.withoutHash(target.spec?.template)! },
  };
  const message = `Rolled back deployment "${d.metadata.name}" to revision ${revision}`;
  return { intents: [write(restored), event('Normal', 'DeploymentRollback', message)] };
}
