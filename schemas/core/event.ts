import { defineResource, type Errors } from '../define.ts';
import type { Event } from '../generated/core-v1.ts';
import { invalid, required, type FieldPath } from '../meta/field.ts';
import { byteLength, dnsSubdomain, pathSegment, qualifiedName } from '../meta/names.ts';
import { age } from '../meta/time.ts';
import { eventFromV1, eventSelectableV1, eventToV1 } from './event-conversion.ts';

const MAX_NAME = 128;
const MAX_NOTE = 1024;

export const event = defineResource<Event>({
  group: '', version: 'v1', resource: 'events',
  allowCreateOnUpdate: true,
  ttlSeconds: 3600,
  validateName: pathSegment,

  validate: validateEvent,

  /** Source: pkg/registry/core/event strategy.go ToSelectableFields. */
  selectableFields: {
    'involvedObject.kind': (e) => e.involvedObject?.kind ?? '',
    'involvedObject.namespace': (e) => e.involvedObject?.namespace ?? '',
    'involvedObject.name': (e) => e.involvedObject?.name ?? '',
    'involvedObject.uid': (e) => e.involvedObject?.uid ?? '',
    'involvedObject.apiVersion': (e) => e.involvedObject?.apiVersion ?? '',
    'involvedObject.resourceVersion': (e) => e.involvedObject?.resourceVersion ?? '',
    'involvedObject.fieldPath': (e) => e.involvedObject?.fieldPath ?? '',
    reason: (e) => e.reason ?? '',
    reportingComponent: (e) => e.reportingComponent ?? '',
    source: (e) => e.source?.component || (e.reportingComponent ?? ''),
    type: (e) => e.type ?? '',
  },
  conversions: { 'events.k8s.io/v1': { toStorage: eventFromV1, fromStorage: eventToV1, selectableFields: eventSelectableV1 } },

  cells(e, now) {
    const first = e.firstTimestamp || e.eventTime;
    const last = e.series ? e.series.lastObservedTime : e.lastTimestamp || first;
    const kind = (e.involvedObject?.kind ?? '').toLowerCase();
    return [
      age(last, now), e.type ?? '', e.reason ?? '', e.involvedObject?.name ? `${kind}/${e.involvedObject.name}` : kind,
      e.involvedObject?.fieldPath ?? '', source(e), (e.message ?? '').trim(), age(first, now),
      e.series ? (e.series.count ?? 0) : e.count || 1, e.metadata.name ?? '',
    ];
  },
}); // prettier-ignore

function source(e: Event): string {
  const component = e.source?.component || (e.reportingComponent ?? '');
  const host = e.source?.host || (e.reportingInstance ?? '');
  return host === '' ? component : `${component}, ${host}`;
}
/** Source: pkg/apis/core/validation events.go legacyValidateEvent. */
function* validateEvent(e: Event, at: FieldPath): Errors {
  const namespace = e.metadata.namespace ?? '';
  const about = e.involvedObject?.namespace ?? '';
  const mismatch = invalid(at('involvedObject')('namespace'), about, 'does not match event.namespace');
  if (!e.eventTime) {
    if (about === '' ? namespace !== '' && namespace !== 'default' : about !== namespace) yield mismatch;
  } else {
    if (about === '' && namespace !== 'default' && namespace !== 'kube-system') yield mismatch;
    const component = e.reportingComponent ?? '';
    if (component === '') yield required(at('reportingComponent'));
    for (const why of qualifiedName(component)) yield invalid(at('reportingComponent'), component, why);
    for (const field of ['reportingInstance', 'action', 'reason'] as const) {
      if (!e[field]) yield required(at(field));
      else if (byteLength(e[field]) > MAX_NAME) yield invalid(at(field), '', `can have at most ${MAX_NAME} characters`);
    }
    if (byteLength(e.message ?? '') > MAX_NOTE)
      yield invalid(at('message'), '', `can have at most ${MAX_NOTE} characters`);
  }
  for (const why of dnsSubdomain(namespace)) yield invalid(at('namespace'), namespace, why);
}
