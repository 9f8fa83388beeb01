import type { Errors } from '../define.ts';
import type { Event } from '../generated/core-v1.ts';
import { goStruct } from '../helpers/go-struct.ts';
import { equal } from '../meta/equal.ts';
import { immutable } from '../meta/field-checks.ts';
import { invalid, required, type FieldPath } from '../meta/field.ts';
import { validateMetadata, validateMetadataChange } from '../meta/metadata.ts';
import { byteLength, dnsSubdomain, qualifiedName } from '../meta/names.ts';

const MAX_NAME = 128;
const MAX_NOTE = 1024;
const IMMUTABLE = ['involvedObject', 'reason', 'message', 'source', 'firstTimestamp', 'lastTimestamp', 'count', 'reason', 'type', 'eventTime', 'action', 'related'] as const; // prettier-ignore

/** Source: pkg/apis/core/validation events.go legacyValidateEvent. */
export function* validateEvent(e: Event, at: FieldPath, controller = 'reportingComponent'): Errors {
  const namespace = e.metadata.namespace ?? '';
  const about = e.involvedObject?.namespace ?? '';
  const mismatch = invalid(at('involvedObject')('namespace'), about, 'does not match event.namespace');
  if (!e.eventTime) {
    if (about === '' ? namespace !== '' && namespace !== 'default' : about !== namespace) yield mismatch;
  } else {
    if (about === '' && namespace !== 'default' && namespace !== 'kube-system') yield mismatch;
    const component = e.reportingComponent ?? '';
    if (component === '') yield required(at(controller));
    for (const why of qualifiedName(component)) yield invalid(at(controller), component, why);
    for (const field of ['reportingInstance', 'action', 'reason'] as const) {
      if (!e[field]) yield required(at(field));
      else if (byteLength(e[field]) > MAX_NAME) yield invalid(at(field), '', `can have at most ${MAX_NAME} characters`);
    }
    if (byteLength(e.message ?? '') > MAX_NOTE)
      yield invalid(at('message'), '', `can have at most ${MAX_NOTE} characters`);
  }
  for (const why of dnsSubdomain(namespace)) yield invalid(at('namespace'), namespace, why);
}
/** What events.k8s.io/v1 asks of new events beyond that. Source: events.go ValidateEventCreate. */
export function* validateEventV1(e: Event, at: FieldPath, old?: Event): Errors {
  yield* validateEvent(e, at, 'reportingController');
  // Updates keep what older clients wrote.
  if (old !== undefined) return;
  yield* validateMetadata(e.metadata, { namespaced: true }, at('metadata'));
  yield* validateSeries(e, at);
  if (!e.eventTime) yield required(at('eventTime'));
  if (e.type !== 'Normal' && e.type !== 'Warning') yield invalid(at('type'), '', `has invalid value: ${e.type ?? ''}`);
  const unset = { firstTimestamp: e.firstTimestamp, lastTimestamp: e.lastTimestamp, count: e.count };
  for (const [field, value] of Object.entries(unset)) if (value) yield invalid(at(field), '', 'needs to be unset');
  if (e.source?.component || e.source?.host) yield invalid(at('source'), '', 'needs to be unset');
}
/** An event of that version may only be continued as a series. Source: events.go ValidateEventUpdate. */
export function* validateEventV1Update(e: Event, old: Event, at: FieldPath): Errors {
  yield* validateMetadataChange(e.metadata, old.metadata, { namespaced: true }, at('metadata'));
  if (JSON.stringify(e.series) !== JSON.stringify(old.series)) yield* validateSeries(e, at);
  for (const field of IMMUTABLE)
    if (!sameAs(e[field], old[field])) yield invalid(at(field), shown(e, field), 'field is immutable');
  yield* immutable(e.reportingComponent, old.reportingComponent, at('reportingController'));
  yield* immutable(e.reportingInstance, old.reportingInstance, at('reportingInstance'));
}
/** A reference to nothing is not none. */
const sameAs = (now: unknown, before: unknown): boolean =>
  equal(now, before) && (typeof now === 'object') === (typeof before === 'object');
/** What is gone as Go's zero, structs by the names that they have inside. */
function shown(e: Event, field: (typeof IMMUTABLE)[number]): unknown {
  const value = e[field];
  const struct = STRUCTS[field];
  if (struct !== undefined) return value || field !== 'related' ? goStruct(value ?? {}, struct) : null;
  return value ?? (field === 'count' ? 0 : field.endsWith('Time') || field.endsWith('Timestamp') ? null : '');
}
const STRUCTS: Readonly<Record<string, string>> = {
  involvedObject: 'io.k8s.api.core.v1.ObjectReference',
  related: 'io.k8s.api.core.v1.ObjectReference',
  source: 'io.k8s.api.core.v1.EventSource',
};
function* validateSeries({ series }: Event, at: FieldPath): Errors {
  if (!series) return;
  if ((series.count ?? 0) < 2) yield invalid(at('series.count'), '', 'should be at least 2');
  if (!series.lastObservedTime) yield required(at('series.lastObservedTime'));
}
