import { defineResource } from '../define.ts';
import type { Event } from '../generated/core-v1.ts';
import { pathSegment } from '../meta/names.ts';
import { age } from '../meta/time.ts';
import { eventFromV1, eventSelectableV1, eventToV1 } from './event-conversion.ts';
import { validateEvent, validateEventV1, validateEventV1Update } from './event-validation.ts';

export const event = defineResource<Event>({
  group: '', version: 'v1', resource: 'events',
  defaultPropagation: 'Unsupported',
  allowCreateOnUpdate: true,
  ttlSeconds: 3600,
  keptEncoded: true,
  validateName: pathSegment,
  metadataLast: true,
  metadataChecks: [],

  validate: (e, at) => validateEvent(e, at),

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
  conversions: {
    'events.k8s.io/v1': {
      toStorage: eventFromV1, fromStorage: eventToV1, selectableFields: eventSelectableV1,
      validate: validateEventV1, validateUpdate: validateEventV1Update,
    },
  },

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
