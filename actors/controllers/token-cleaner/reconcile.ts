import { tokenLifeMs } from '../../../schemas/core/bootstrap-token.ts';
import type { Secret } from '../../../schemas/generated/core-v1.ts';
import type { Decision } from '../../runtime/intent.ts';
import { secrets } from '../../runtime/resources.ts';

/** A token goes when its time is over. Source: pkg/controller/bootstrap/tokencleaner.go. */
export function reconcile(secret: Secret, now: number): Decision {
  const left = tokenLifeMs(secret, now);
  if (left === undefined || secret.metadata.deletionTimestamp !== undefined) return { intents: [] };
  if (left > 0) return { intents: [], requeueAfterMs: left };
  const { name = '', namespace, uid } = secret.metadata;
  return { intents: [{ op: 'delete', gvr: secrets, namespace, name, uid, tolerate: ['NotFound'] }] };
}
