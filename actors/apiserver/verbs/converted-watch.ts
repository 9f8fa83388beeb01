import { apiVersionOf } from '../../../schemas/meta/object.ts';
import { toStatus } from '../../../schemas/meta/status.ts';
import type { Resource } from '../../../schemas/resource.ts';
import type { Change } from '../watch-cache/entry.ts';
import { frameOf, type WatchEncoding, type WatchScope, type WatchSink } from '../watch-cache/watchers.ts';

/** What waits for its conversion: a change, or what to do in its turn. */
type Step = Change | (() => boolean);

export interface ConvertedWatch {
  readonly scope: WatchScope;
  readonly encoding: WatchEncoding;
  readonly sink: WatchSink;
}
let made = 0;
/**
 * A watch of a version that a webhook converts to: changes are converted one after another, and selected and printed only
 * then. Ends with the webhook's error.
 */
export function convertedWatch(resource: Resource, scope: WatchScope, encoding: WatchEncoding, sink: WatchSink): ConvertedWatch {
  const { versions } = resource.definition.custom!;
  const apiVersion = apiVersionOf(resource);
  let tail: Promise<void> = Promise.resolve();
  let ended = false;
  const end: WatchSink['end'] = (status) => {
    if (ended) return;
    ended = true;
    sink.end(status);
  };
  async function take(step: Step): Promise<void> {
    if (ended) return;
    if (typeof step === 'function') return void (step() || end());
    const objects = [step.entry, step.old].flatMap((entry) => (entry === undefined ? [] : [entry.object]));
    await versions.prepare(objects, apiVersion);
    const frame = frameOf(scope, encoding, { ...step, frames: undefined });
    if (frame !== undefined && !sink.write(frame)) end();
  }
  const { matches: _, ...everything } = scope;
  return {
    scope: { ...everything, id: `${scope.prefix} converted ${++made}` },
    encoding: {
      id: `converted ${made}`,
      change: (change) => [change],
      event: () => [],
      bookmark: (revision, isEnd) => [() => sink.write(encoding.bookmark(revision, isEnd))],
      join: (frames) => (frames as Step[][]).flat(),
    },
    sink: {
      write(steps) {
        for (const step of steps as Step[])
          tail = tail.then(() => take(step)).catch((error: unknown) => end(toStatus(error)));
        return !ended;
      },
      // After what is on its way.
      end: (status) => void tail.then(() => end(status)),
    },
  };
} // prettier-ignore
