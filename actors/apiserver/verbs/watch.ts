import { fieldPath, forbidden, notSupported, type FieldError } from '../../../schemas/meta/field.ts';
import { plain, invalidKind } from '../errors.ts';
import { toStatus, type Status } from '../../../schemas/meta/status.ts';
import type { Answer, Core, ResourceRequest } from '../core.ts';
import { selectionOf, type Selection } from '../stages/select.ts';
import { readVersion, waitFor } from './get.ts';
import { convertedWatch } from './converted-watch.ts';
import { integer } from './list.ts';
import { frameOf, type WatchEncoding, type WatchSink } from '../watch-cache/watchers.ts';

/** A watch that says nothing about its end ends between half an hour and an hour. Source: apiserver minRequestTimeout. */
const MIN_TIMEOUT_SECONDS = 1800;
const at = fieldPath('resourceVersionMatch');

interface WatchOptions {
  readonly version: number | undefined;
  readonly initial: boolean | undefined;
  readonly bookmarks: boolean;
  readonly timeoutSeconds: number;
}
/** As Go's conversion of query parameters reads it. */
const flag = (text: string): boolean => !['false', '0'].includes(text.toLowerCase());
/** Source: apimachinery pkg/apis/meta/internalversion defaults.go, validation ValidateListOptions for watches. */
function watchOptions(query: URLSearchParams): WatchOptions {
  const text = query.get('resourceVersion') ?? '';
  const send = query.get('sendInitialEvents');
  integer(query.get('limit'));
  const timeoutSeconds = integer(query.get('timeoutSeconds'));
  let match = query.get('resourceVersionMatch') ?? '';
  let initial = send === null ? undefined : flag(send);
  // Who says nothing about it is told everything first.
  if (initial === undefined && match === '' && (text === '' || text === '0')) [initial, match] = [true, NOT_OLDER];
  const errors: FieldError[] = [];
  if (initial !== undefined && match !== NOT_OLDER)
    errors.push(forbidden(at, 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan'));
  if (match !== '') {
    if (initial === undefined)
      errors.push(forbidden(at, 'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided'));
    if (match !== NOT_OLDER) errors.push(notSupported(at, match, [NOT_OLDER]));
    if (query.get('continue'))
      errors.push(forbidden(at, 'resourceVersionMatch is forbidden when continue is provided'));
  }
  if (errors.length > 0) throw invalidKind('meta.k8s.io', 'ListOptions', '', errors);
  const bookmarks = query.get('allowWatchBookmarks');
  return {
    version: readVersion(text),
    initial,
    bookmarks: bookmarks !== null && flag(bookmarks),
    timeoutSeconds,
  };
}
const NOT_OLDER = 'NotOlderThan';

export async function watch(core: Core, request: ResourceRequest): Promise<Answer> {
  const encoding = request.watchEncoding;
  if (encoding === undefined) throw plain('this door cannot watch');
  const options = watchOptions(request.query);
  const selection = selectionOf(core, request);
  // The state of now: with nothing said about a version, "now" is when the request came.
  if (options.version === undefined) await core.barrier();
  else if (options.initial === true) {
    try {
      await waitFor(core, options.version);
    } catch (error) {
      // What is wrong with a watch that could begin is said within it.
      return { type: 'watch', resource: request.resource, start: refusal(toStatus(error)) };
    }
  }
  return {
    type: 'watch',
    resource: request.resource,
    start: (sink) => {
      if (!request.resource.definition.custom?.versions.isRemote)
        return new Watch(core, request, encoding, options, selection, sink).start();
      const converted = convertedWatch(request.resource, selection.scope, encoding, sink);
      const { scope } = converted;
      return new Watch(core, request, converted.encoding, options, { ...selection, scope }, converted.sink).start();
    },
  };
}

const refusal =
  (status: Status) =>
  (sink: WatchSink): (() => void) => {
    // Not in this tick: whoever started the watch has yet to be given what stops it.
    queueMicrotask(() => sink.end(status));
    return () => {};
  };
/** One watch from its first event to its end. */
class Watch {
  readonly #core: Core;
  readonly #request: ResourceRequest;
  readonly #encoding: WatchEncoding;
  readonly #options: WatchOptions;
  readonly #selection: Selection;
  readonly #sink: WatchSink;
  readonly #undo: (() => void)[] = [];
  #ended = false;

  constructor(
    core: Core,
    request: ResourceRequest,
    encoding: WatchEncoding,
    options: WatchOptions,
    selection: Selection,
    sink: WatchSink,
  ) {
    this.#core = core;
    this.#request = request;
    this.#encoding = encoding;
    this.#options = options;
    this.#selection = selection;
    this.#sink = sink;
  }
  start(): () => void {
    const { clock, random } = this.#core.world;
    const seconds = this.#options.timeoutSeconds || Math.round(MIN_TIMEOUT_SECONDS * (1 + random()));
    const timer = clock.setTimeout(() => this.#end(), Math.max(0, seconds) * 1000);
    this.#undo.push(() => clock.clearTimeout(timer));
    if (seconds < 0) {
      queueMicrotask(() => this.#end());
      return () => this.#stop();
    }
    const version = this.#options.version ?? 0;
    if (version > this.#core.cache.revision) {
      // Silent until the cache has caught up; then as if it had just begun.
      const end = (): void => this.#end();
      this.#core.waiting.add(end);
      this.#undo.push(() => void this.#core.waiting.delete(end));
      if (this.#core.draining) queueMicrotask(end);
      void this.#core.cache.waitFor(version, seconds * 1000).then(() => {
        this.#core.waiting.delete(end);
        if (!this.#ended) this.#join();
      }, end);
    } else this.#join();
    return () => this.#stop();
  }
  #join(): void {
    const { resource } = this.#request;
    const cache = this.#core.cache.of(resource);
    const { scope, prefix } = this.#selection;
    // What is pending for others was committed before this watch began.
    cache.watchers.flush();
    try {
      const frames = this.#opening(cache, prefix);
      if (frames.length > 0 && !this.#write(frames.length === 1 ? frames[0] : this.#encoding.join(frames))) return;
    } catch (error) {
      this.#end(toStatus(error));
      return;
    }
    const sink: WatchSink = { write: (frame) => this.#sink.write(frame), end: (status) => this.#end(status) };
    this.#undo.push(cache.watchers.join(scope, this.#encoding, sink));
    if (this.#options.bookmarks) {
      const send = (): void => {
        cache.watchers.flush();
        if (!this.#ended) this.#write(this.#encoding.bookmark(this.#core.cache.revision, false));
      };
      this.#core.bookmarks.add(send);
      this.#undo.push(() => void this.#core.bookmarks.delete(send));
      if (this.#core.draining) send();
    }
    // Not in this tick: whoever started the watch has yet to be given what stops it.
    if (this.#core.draining) queueMicrotask(() => this.#end());
  }
  /** What the watcher is told before live events. */
  #opening(cache: ReturnType<Core['cache']['of']>, prefix: string): unknown[] {
    const { version, initial, bookmarks } = this.#options;
    const { scope } = this.#selection;
    if (initial === true || (initial === undefined && (version ?? 0) === 0)) {
      const frames: unknown[] = [];
      const entries = scope.key === undefined ? cache.below(prefix) : [cache.byKey.get(scope.key)];
      for (const entry of entries) {
        if (entry === undefined) continue;
        const { key, revision } = entry;
        const change = { key, revision, entry, old: undefined, time: 0, frames: undefined };
        const frame = frameOf(scope, this.#encoding, change);
        if (frame !== undefined) frames.push(frame);
      }
      if (initial === true && bookmarks) frames.push(this.#encoding.bookmark(this.#core.cache.revision, true));
      return frames;
    }
    if (version === undefined || version === 0) return [];
    const frames: unknown[] = [];
    for (const change of cache.since(version)) {
      if (!change.key.startsWith(prefix) || (scope.key !== undefined && change.key !== scope.key)) continue;
      const frame = cache.watchers.frameFor(scope, this.#encoding, change);
      if (frame !== undefined) frames.push(frame);
    }
    return frames;
  }
  #write(frame: unknown): boolean {
    if (this.#sink.write(frame)) return true;
    this.#end();
    return false;
  }
  #stop(): void {
    this.#ended = true;
    for (const undo of this.#undo.splice(0)) undo();
  }
  #end(status?: Status): void {
    if (this.#ended) return;
    this.#stop();
    this.#sink.end(status);
  }
}
