import { fieldPath, forbidden, notSupported, type FieldError } from '../../../schemas/meta/field.ts';
import { whenConverted } from '../../../schemas/convert.ts';
import { apiVersionOf } from '../../../schemas/meta/object.ts';
import { ApiError, reasonOf } from '../../../schemas/meta/status.ts';
import type { Answer, Core, ListAnswer, ResourceRequest } from '../core.ts';
import { badRequest, invalidKind } from '../errors.ts';
import { selectionOf, type Selection } from '../stages/select.ts';
import type { Entry } from '../watch-cache/entry.ts';
import type { Page } from '../watch-cache/resource-cache.ts';
import { decodeContinue, encodeContinue, tooOldToContinue } from './continue.ts';
import { waitFor } from './get.ts';

interface ListOptions {
  readonly version: number | undefined;
  readonly match: string;
  readonly limit: number;
  readonly continue: string;
}
const at = fieldPath('resourceVersionMatch');

/** Source: apimachinery pkg/apis/internalversion/validation ValidateListOptions. */
function listOptions(query: URLSearchParams): ListOptions {
  const text = query.get('resourceVersion') ?? '';
  const match = query.get('resourceVersionMatch') ?? '';
  const token = query.get('continue') ?? '';
  const limit = integer(query.get('limit'));
  integer(query.get('timeoutSeconds'));
  const errors: FieldError[] = [];
  if (match !== '') {
    if (text === '') errors.push(forbidden(at, 'resourceVersionMatch is forbidden unless resourceVersion is provided'));
    if (token !== '') errors.push(forbidden(at, 'resourceVersionMatch is forbidden when continue is provided'));
    if (match !== 'Exact' && match !== 'NotOlderThan')
      errors.push(notSupported(at, match, ['Exact', 'NotOlderThan', '']));
    if (match === 'Exact' && text === '0')
      errors.push(forbidden(at, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'));
  }
  if (query.get('sendInitialEvents') !== null)
    errors.push(forbidden(fieldPath('sendInitialEvents'), 'sendInitialEvents is forbidden for list'));
  if (errors.length > 0) throw invalidKind('meta.k8s.io', 'ListOptions', '', errors);
  if (text !== '' && !/^\d+$/.test(text))
    throw badRequest(
      `invalid resource version: resourceVersion: Invalid value: ${JSON.stringify(text)}: strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`,
    );
  if (text.length > 19 && BigInt(text) >= 2n ** 64n)
    throw badRequest(
      `invalid resource version: resourceVersion: Invalid value: ${JSON.stringify(text)}: strconv.ParseUint: parsing ${JSON.stringify(text)}: value out of range`,
    );
  const version = text === '' ? undefined : Number(text);
  if (token !== '' && version !== undefined && version !== 0)
    throw badRequest('specifying resource version is not allowed when using continue');
  return { version, match, limit: text === '0' ? 0 : Math.max(0, limit), continue: token };
}

/** Source: apimachinery pkg/runtime conversion of query parameters. */
export function integer(text: string | null): number {
  if (text === null) return 0;
  if (!/^[+-]?\d+$/.test(text)) throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  const number = Number(text);
  if (Math.abs(number) >= 2 ** 63)
    throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: value out of range`);
  return number;
}

/** Throws what a list with these options and selectors would, before it looks at anything. */
export function checkList(core: Core, request: ResourceRequest): void {
  listOptions(request.query);
  selectionOf(core, request);
}
export function list(core: Core, request: ResourceRequest): Promise<Answer> {
  const versions = request.resource.definition.custom?.versions;
  if (!versions?.isRemote) return listNow(core, request);
  // Selectors may look at fields that only a webhook's conversion shows.
  return whenConverted(() => listNow(core, request));
}
async function listNow(core: Core, request: ResourceRequest): Promise<Answer> {
  const { resource, query } = request;
  const cache = core.cache.of(resource);
  const options = listOptions(query);
  const selection = selectionOf(core, request);
  const all = { resource, cache, selection, prefix: selection.prefix };
  if (resource.definition.custom?.versions.isRemote && query.has('fieldSelector'))
    await resource.definition.custom.versions.prepare(
      cache.below(selection.prefix).map(({ object }) => object),
      apiVersionOf(resource),
    );
  if (options.continue !== '') {
    const token = decodeContinue(options.continue, selection.prefix);
    if (token.revision < 0) {
      await core.barrier();
      return page(core, all, options.limit, token.start, core.cache.revision, undefined);
    }
    return exact(core, request, all, options.limit, token.start, token.revision, true);
  }
  if (options.version === 0) return page(core, all, 0, selection.prefix, core.cache.revision, undefined);
  if (options.version === undefined) {
    await core.barrier();
    return page(core, all, options.limit, selection.prefix, core.cache.revision, undefined);
  }
  await waitFor(core, options.version);
  if (options.match === 'Exact' || (options.match === '' && options.limit > 0))
    return exact(core, request, all, options.limit, selection.prefix, options.version, false);
  return page(core, all, options.limit, selection.prefix, core.cache.revision, undefined);
}
interface Source {
  readonly resource: ResourceRequest['resource'];
  readonly cache: ReturnType<Core['cache']['of']>;
  readonly selection: Selection;
  readonly prefix: string;
}

/** From memory: the present state, or a snapshot kept for an earlier page. */
function page(
  _core: Core,
  source: Source,
  limit: number,
  from: string,
  revision: number,
  snapshot: number | undefined,
): ListAnswer {
  const { cache, selection, prefix } = source;
  const key = selection.scope.key;
  if (key !== undefined && snapshot === undefined) {
    const entry = cache.byKey.get(key);
    const hit = entry !== undefined && key >= from && (selection.scope.matches?.(entry) ?? true);
    return answer(source, { entries: hit ? [entry] : [], more: false, remaining: 0 }, revision);
  }
  const max = limit === 0 ? Number.POSITIVE_INFINITY : limit;
  const found = cache.page(prefix, from, max, snapshot, selection.scope.matches)!;
  if (found.more && snapshot === undefined) cache.keepSnapshot(revision);
  return answer(source, found, revision);
}
function answer({ resource, prefix, selection }: Source, found: Page, revision: number): ListAnswer {
  const last = found.entries.at(-1);
  // With a selector what remains may match nothing: the token says only where to look on.
  if (!found.more || last === undefined) return { type: 'list', resource, entries: found.entries, revision };
  return {
    type: 'list', resource, entries: found.entries, revision,
    continue: encodeContinue(prefix, last.key, revision),
    ...(selection.scope.matches === undefined && { remaining: found.remaining }),
  }; // prettier-ignore
}
/** The state at one revision: the present one if nothing changed since, a snapshot, or the store's own history. */
async function exact(
  core: Core,
  request: ResourceRequest,
  source: Source,
  limit: number,
  from: string,
  revision: number,
  continuing: boolean,
): Promise<ListAnswer> {
  const { cache, prefix, selection } = source;
  if (revision > core.cache.revision) await waitFor(core, revision);
  try {
    // A list that is known still ends with the store's past, as clients expect: they count on being told.
    if (continuing && revision < core.cache.revision)
      await core.store.range({ key: prefix, revision, countOnly: true }, request.signal);
  } catch (error) {
    if (reasonOf(error) === 'Expired') throw tooOldToContinue(prefix, from);
    throw error;
  }
  if (cache.revision <= revision) return page(core, source, limit, from, revision, undefined);
  const max = limit === 0 ? Number.POSITIVE_INFINITY : limit;
  const kept = cache.page(prefix, from, max, revision, selection.scope.matches);
  if (kept !== undefined) return answer(source, kept, revision);
  try {
    const end = prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1);
    const entries: Entry[] = [];
    let key = from;
    for (;;) {
      const got = await core.store.range({ key, rangeEnd: end, revision, limit: 1000 }, request.signal);
      for (const [i, kv] of got.kvs.entries()) {
        const entry = core.cache.detached(kv.key, kv.modRevision, kv.value);
        if (selection.scope.matches !== undefined && !selection.scope.matches(entry)) continue;
        if (entries.length < max) entries.push(entry);
        else return answer(source, { entries, more: true, remaining: got.count - i }, revision);
      }
      const last = got.kvs.at(-1);
      if (!got.more || last === undefined) return answer(source, { entries, more: false, remaining: 0 }, revision);
      key = `${last.key}\0`;
    }
  } catch (error) {
    if (reasonOf(error) !== 'Expired') throw error;
    if (continuing) throw tooOldToContinue(prefix, from);
    throw new ApiError('Expired', 'The resourceVersion for the provided list is too old.', { cause: error });
  }
}
