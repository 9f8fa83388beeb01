import type { Event } from '../generated/core-v1.ts';
import type { Event as EventV1 } from '../generated/events-v1.ts';
import type { DynamicObject, KubeObject } from '../meta/object.ts';

/** Both groups show the same events under different names. Source: pkg/apis/events/v1 conversion.go. */
const RENAMED: readonly (readonly [keyof EventV1, keyof Event])[] = [
  ['regarding', 'involvedObject'],
  ['note', 'message'],
  ['reportingController', 'reportingComponent'],
  ['deprecatedSource', 'source'],
  ['deprecatedFirstTimestamp', 'firstTimestamp'],
  ['deprecatedLastTimestamp', 'lastTimestamp'],
  ['deprecatedCount', 'count'],
];
function rename(object: KubeObject, apiVersion: string, names: readonly (readonly [string, string])[]): DynamicObject {
  const out: DynamicObject = { ...object, apiVersion };
  for (const [from, to] of names) {
    if (out[from] === undefined) continue;
    out[to] = out[from];
    delete out[from];
  }
  return out;
}
export const eventFromV1 = (object: KubeObject): Event => {
  const out = rename(object, 'v1', RENAMED);
  // What v1 always prints.
  out['involvedObject'] ??= {};
  out['source'] ??= {};
  out['reportingComponent'] ??= '';
  out['reportingInstance'] ??= '';
  for (const time of ['firstTimestamp', 'lastTimestamp', 'eventTime']) out[time] ??= null;
  return out as unknown as Event;
};
export const eventToV1 = (object: Event): KubeObject => {
  const out = rename(
    object,
    'events.k8s.io/v1',
    RENAMED.map(([a, b]) => [b, a]),
  );
  // Left out there when empty.
  for (const name of ['reportingController', 'reportingInstance']) if (out[name] === '') delete out[name];
  return out;
};
const about =
  (field: string) =>
  (e: Event): string =>
    (e.involvedObject as Record<string, string | undefined> | undefined)?.[field] ?? '';
export const eventSelectableV1: Readonly<Record<string, (e: Event) => string>> = {
  ...Object.fromEntries(['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'].map((f) => [`regarding.${f}`, about(f)])),
  reason: (e) => e.reason ?? '',
  reportingController: (e) => e.reportingComponent ?? '',
  type: (e) => e.type ?? '',
}; // prettier-ignore
