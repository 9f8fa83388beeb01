import { fieldPath, forbidden, notSupported, type FieldError } from '../../../schemas/meta/field.ts';
import { plain, invalidKind } from '../errors.ts';
import { toStatus, type Status } from '../../../schemas/meta/status.ts';
import type { Answer, Core, ResourceRequest } from '../core.ts';
import { selectionOf, type Selection } from '../stages/select.ts';
import { integer } from './list.ts';
import type { WatchEncoding, WatchSink } from '../watch-cache/watchers.ts';

/** A watch that says nothing about its end ends between half an hour and an hour. Source: apiserver minRequestTimeout. */
const MIN_TIMEOUT_SECONDS = 1800;
const at = fieldPath('resourceVersionMatch');

interface WatchOptions {
  readonly version: number | undefined;
  readonly initial: boolean | undefined;
  readonly bookmarks: boolean;
  readonly timeoutSeconds: number;
}
/** Source: apimachinery pkg/apis/internalversion/validation ValidateListOptions for watches. */
function watchOptions(query: URLSearchParams): WatchOptions {
  const text = query.get('resourceVersion') ?? '';
  const match = query.get('resourceVersionMatch') ?? '';
  const send = query.get('sendInitialEvents');
  const initial = send === null ? undefined : send !== 'false' && send !== '0';
  const errors: FieldError[] = [];
  if (initial !== undefined) {
    if (match !== 'NotOlderThan')
      errors.push(forbidden(at, 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan'));
    if (match !== '' && match !== 'NotOlderThan') errors.push(notSupported(at, match, ['NotOlderThan']));
    if (query.get('continue'))
      errors.push(forbidden(at, 'resourceVersionMatch is forbidden when continue is provided'));
  } else if (match !== '')
    errors.push(forbidden(at, 'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided'));
  if (errors.length > 0) throw invalidKind('meta.k8s.io', 'ListOptions', '', errors);
  if (text !== '' && !/^\d+$/.test(text))
    throw plain(
      `resourceVersion: Invalid value: ${JSON.stringify(text)}: strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`,
    );
  const flag = query.get('allowWatchBookmarks');
  return {
    version: text === '' ? undefined : Number(text),
    initial,
    bookmarks: flag !== null && flag !== 'false' && flag !== '0',
    timeoutSeconds: integer(query.get('timeoutSeconds')),
  };
}

export async function watch(core: Core, request: ResourceRequest): Promise<Answer> {
  const encoding = request.watchEncoding;
  if (encoding === undefined) throw plain('this door cannot watch');
  const options = watchOptions(request.query);
  const selection = selectionOf(core, request);
  // The state of now: with nothing said about a version, "now" is when the request came.
  if (options.version === undefined) await core.barrier();
  else if (options.initial === true) await core.cache.waitFor(options.version, 3000).catch(() => {});
  return {
    type: 'watch',
    resource: request.resource,
    start: (sink) => new Watch(core, request, encoding, options, selection, sink).start(),
  };
}

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
    const timer = clock.setTimeout(() => this.#end(), seconds * 1000);
    this.#undo.push(() => clock.clearTimeout(timer));
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
        if (entry === undefined || (scope.matches !== undefined && !scope.matches(entry))) continue;
        frames.push(this.#encoding.event('ADDED', entry, entry.revision));
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
