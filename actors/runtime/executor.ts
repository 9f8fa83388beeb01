import type { Fence } from '../../bus/protocol/api.ts';
import type { GroupVersionResource, KubeObject } from '../../schemas/meta/object.ts';
import { reasonOf } from '../../schemas/meta/status.ts';
import type { ApiClient, WriteOptions } from './api-client.ts';
import type { EventRecorder } from './events.ts';
import type { Intent } from './intent.ts';
import type { Creation } from './sure-creates.ts';

/** What a write did, for whoever must not act again before a cache shows it. */
export type Written =
  | { readonly gvr: GroupVersionResource; readonly revision: number }
  | {
      readonly gvr: GroupVersionResource;
      readonly deleted: { readonly key: string; readonly uid: string | undefined };
    };

export interface ExecuteOptions {
  readonly signal: AbortSignal;
  readonly onWritten?: ((written: Written) => void) | undefined;
  readonly onCreated?: ((object: KubeObject) => void) | undefined;
  readonly onUpdated?: ((object: KubeObject) => void) | undefined;
  /** Called with the name of what was deleted (not when it was gone already). */
  readonly onDeleted?: ((name: string) => void) | undefined;
  readonly cause?: string | undefined;
  /** Carries out creates for a place; by itself they are like all others. */
  readonly createSurely?: ((creation: Creation, options: WriteOptions) => Promise<KubeObject>) | undefined;
}
export type Execute = (intents: readonly Intent[], options: ExecuteOptions) => Promise<void>;

/** Most calls of one run of neighbours that are under way at once. */
const IN_FLIGHT = 64;

/**
 * Runs tasks beginning with one and widening by one with each success up to `limit` at a time, so that what is refused (a
 * quota, a webhook) is refused once and not 500 times; at the first error no more are started, those under way finish, and
 * the error is thrown. Source: the idea of slowStartBatch in pkg/controller/replicaset, without its steps.
 */
export function slowStart(tasks: readonly (() => Promise<void>)[], limit: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let next = 0;
  let underWay = 0;
  let window = 1;
  let failure: { readonly error: unknown } | undefined;
  const finish = (): void => {
    if (underWay > 0) return;
    if (failure) reject(failure.error);
    else if (next >= tasks.length) resolve();
  };
  const start = (): void => {
    if (signal.aborted) failure ??= { error: signal.reason };
    while (!failure && underWay < window && next < tasks.length) {
      underWay++;
      tasks[next++]!().then(
        () => {
          underWay--;
          if (window < limit) window++;
          start();
        },
        (error: unknown) => {
          underWay--;
          failure ??= { error };
          finish();
        },
      );
    }
    finish();
  };
  start();
  return promise;
}

/**
 * Carries out intents against the API. A run of creates, deletes or patches of one resource starts slowly, up to 64 in
 * flight.
 */
export function createExecutor(o: {
  readonly client: ApiClient;
  readonly recorder?: EventRecorder | undefined;
  readonly fence?: (() => Fence | undefined) | undefined;
  readonly inFlight?: number | undefined;
}): Execute {
  const { client, recorder } = o;
  const limit = o.inFlight ?? IN_FLIGHT;

  async function one(intent: Exclude<Intent, { op: 'event' }>, e: ExecuteOptions): Promise<void> {
    const fence = o.fence?.();
    const options: WriteOptions = { signal: e.signal, ...(fence && { fence }), ...(e.cause && { cause: e.cause }) };
    const { gvr } = intent;
    try {
      if (intent.op === 'create') {
        const surely = intent.place === undefined ? undefined : e.createSurely;
        const made = await (surely ? surely(intent, options) : client.create(gvr, intent.object, options));
        e.onWritten?.({ gvr, revision: Number(made.metadata.resourceVersion) });
        e.onCreated?.(made);
      } else if (intent.op === 'update') {
        const made = await client.update(gvr, intent.object, { ...options, subresource: intent.subresource });
        e.onWritten?.({ gvr, revision: Number(made.metadata.resourceVersion) });
        e.onUpdated?.(made);
      } else if (intent.op === 'patch') {
        const { name, namespace, type, patch, subresource, fieldManager, force } = intent;
        const own = { ...options, subresource, ...(fieldManager && { fieldManager }), ...(force && { force }) };
        const made = await client.patch(gvr, name, namespace, type, patch, own);
        e.onWritten?.({ gvr, revision: Number(made.metadata.resourceVersion) });
      } else {
        const { name, namespace, uid, resourceVersion } = intent;
        try {
          await client.delete(gvr, name, namespace, {
            ...options,
            propagationPolicy: intent.propagationPolicy,
            gracePeriodSeconds: intent.gracePeriodSeconds,
            ...((uid || resourceVersion) && {
              preconditions: { ...(uid && { uid }), ...(resourceVersion && { resourceVersion }) },
            }),
          });
          e.onDeleted?.(name);
        } catch (error) {
          if (reasonOf(error) !== 'NotFound') throw error;
        }
        e.onWritten?.({ gvr, deleted: { key: namespace ? `${namespace}/${name}` : name, uid } });
      }
    } catch (error) {
      const reason = reasonOf(error);
      if (reason && intent.tolerate?.includes(reason)) return;
      throw error;
    }
  }

  return async (intents, e) => {
    for (let i = 0; i < intents.length;) {
      const first = intents[i]!;
      if (first.op === 'event') {
        recorder?.event(first.regarding, first.type, first.reason, first.message);
        i++;
        continue;
      }
      const run = [first];
      for (i++; i < intents.length; i++) {
        const other = intents[i]!;
        if (first.op === 'update' || other.op !== first.op || other.gvr !== first.gvr) break;
        run.push(other);
      }
      e.signal.throwIfAborted();
      if (run.length === 1) await one(first, e);
      else
        await slowStart(
          run.map((intent) => () => one(intent, e)),
          limit,
          e.signal,
        );
    }
  };
}
