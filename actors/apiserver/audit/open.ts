import type { Core } from '../core.ts';
import { InternalFailure } from '../errors.ts';
import type { AuditOptions, AuditSink } from './sink.ts';

/** The same, counted. Source: apiserver pkg/audit/metrics.go. */
export function openAudit(options: AuditOptions, { world, metrics }: Pick<Core, 'world' | 'metrics'>): AuditOptions {
  const levels = new Map<string, number>();
  const errors = new Map<string, number>();
  let events = 0;
  const count = (map: Map<string, number>, key: string, by = 1): void => void map.set(key, (map.get(key) ?? 0) + by);
  metrics.collect('apiserver_audit_event_total', 'counter', 'ALPHA', 'Events told to the audit backends.', () => [
    [{}, events],
  ]);
  metrics.collect('apiserver_audit_error_total', 'counter', 'ALPHA', 'Events that were not kept, by plugin.', () =>
    [...errors].map(([plugin, n]) => [{ plugin }, n]),
  );
  metrics.collect('apiserver_audit_level_total', 'counter', 'ALPHA', 'Requests by the level of their audit.', () =>
    [...levels].map(([level, n]) => [{ level }, n]),
  );
  metrics.collect(
    'apiserver_audit_requests_rejected_total', 'counter', 'ALPHA', 'Requests refused because they could not be noted.',
    () => [[{}, rejected.get(sink) ?? 0]],
  ); // prettier-ignore
  const { sink: inner } = options;
  inner.begin?.({
    world,
    failed(plugin, lost, why) {
      count(errors, plugin, lost);
      world.log.error('events of the audit are not kept', { plugin, events: lost, why });
    },
  });
  const sink: AuditSink = {
    ...(inner.waits && { waits: true }),
    write(event) {
      events++;
      return inner.write(event);
    },
    close: () => inner.close?.() ?? Promise.resolve(),
  };
  return {
    sink,
    evaluate(user, info) {
      const rule = options.evaluate(user, info);
      count(levels, rule.level);
      return rule;
    },
  };
}
const rejected = new WeakMap<AuditSink, number>();
/** A request that cannot be noted where it has to be goes no further. Throws InternalFailure, or rejects with it. */
export function demandKept(sink: AuditSink, kept: boolean | Promise<boolean>): void | Promise<void> {
  if (kept === true) return;
  if (kept instanceof Promise) return kept.then((later) => demandKept(sink, later));
  rejected.set(sink, (rejected.get(sink) ?? 0) + 1);
  throw new InternalFailure('InternalError', 'failed to store audit event');
}
