import type { Errors } from '../define.ts';
import type { Pod } from '../generated/core-v1.ts';
import { forbidden, type FieldPath } from '../meta/field.ts';
import { own } from '../meta/own.ts';
import { MIRROR, validatePodAnnotations } from './pod-validation.ts';
import { APP_ARMOR } from './profile-annotations.ts';

/** Source: pkg/apis/core/validation ValidatePodSpecificAnnotationUpdates. */
export function* validateAnnotationChange(pod: Pod, old: Pod, at: FieldPath): Errors {
  const now = pod.metadata.annotations ?? {};
  const before = old.metadata.annotations ?? {};
  for (const [key, value] of Object.entries(before)) {
    if (own(now, key) === value) continue;
    if (key.startsWith(APP_ARMOR)) yield forbidden(at.key(key), 'may not remove or update AppArmor annotations');
    if (key === MIRROR) yield forbidden(at.key(key), 'may not remove or update mirror pod annotation');
  }
  for (const key of Object.keys(now)) {
    if (Object.hasOwn(before, key)) continue;
    if (key.startsWith(APP_ARMOR)) yield forbidden(at.key(key), 'may not add AppArmor annotations');
    if (key === MIRROR) yield forbidden(at.key(key), 'may not add mirror pod annotation');
  }
  yield* validatePodAnnotations(pod.metadata, pod.spec, at, old.metadata);
}
