import { formatTime } from '../../../schemas/meta/time.ts';
import type { Resource } from '../../../schemas/resource.ts';
import { apiVersionOf } from '../../../schemas/meta/object.ts';
import { generatedName, NAME_END_LENGTH } from '../../../schemas/meta/names.ts';
import type { World } from '../../../bus/world.ts';
import { badRequest } from '../errors.ts';
import type { Draft } from '../core.ts';

/** Source: apiserver pkg/endpoints/handlers/rest.go EnsureObjectNamespaceMatchesRequestNamespace. */
export function matchNamespace(resource: Resource, namespace: string, draft: Draft): void {
  const given = draft.metadata.namespace ?? '';
  if (!resource.namespaced) {
    delete draft.metadata.namespace;
    return;
  }
  if (given === '') draft.metadata.namespace = namespace;
  else if (given !== namespace)
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
}
/** What a client may send but has no say in, before owners are noted. Source: apiserver pkg/registry/rest WipeObjectMetaSystemFields. */
export function wipeSystemFields({ metadata }: Draft): void {
  delete metadata.creationTimestamp;
  delete metadata.uid;
  delete metadata.deletionTimestamp;
  delete metadata.deletionGracePeriodSeconds;
  delete metadata.selfLink;
}
/** Source: apiserver pkg/endpoints/handlers/update.go checkName. */
export function matchName(name: string, draft: Draft): void {
  const given = draft.metadata.name ?? '';
  if (given === '')
    throw badRequest(`the name of the object (${name} based on URL) was undeterminable: name must be provided`);
  if (given !== name)
    throw badRequest(`the name of the object (${given}) does not match the name on the URL (${name})`);
}
export const generateName = (world: World, base: string): string =>
  generatedName(base, world.ids.suffix(NAME_END_LENGTH));
/** What only the server may set on a new object. Source: apiserver pkg/registry/rest meta.go, create.go BeforeCreate. */
export function fillForCreate(world: World, resource: Resource, draft: Draft): void {
  const m = draft.metadata;
  m.uid = world.ids.uuid();
  m.creationTimestamp = formatTime(world.clock.now());
  // Kinds that do not count generations take whatever is sent.
  if (tracksGeneration(resource)) m.generation = 1;
}
export const tracksGeneration = (resource: Resource): boolean =>
  resource.definition.tracksGeneration ?? resource.subresources.has('status');

/** Whether anything but metadata and status differs. */
export function specChanged(draft: Draft, old: Draft): boolean {
  const keys = new Set([...Object.keys(draft), ...Object.keys(old)]);
  for (const key of keys) {
    if (key === 'metadata' || key === 'status' || key === 'apiVersion' || key === 'kind') continue;
    if (!sameValue(draft[key], old[key])) return true;
  }
  return false;
}
/** Equal as JSON; fields that are undefined count as absent. */
export function sameValue(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.length !== b.length) return false;
    for (let i = 0; i < a.length; i++) if (!sameValue(a[i], b[i])) return false;
    return true;
  }
  if (Array.isArray(b)) return false;
  const left = a as Record<string, unknown>;
  const right = b as Record<string, unknown>;
  let n = 0;
  for (const key in left) {
    if (left[key] === undefined) continue;
    n++;
    if (!sameValue(left[key], right[key])) return false;
  }
  for (const key in right) if (right[key] !== undefined) n--;
  return n === 0;
}
/** kind, apiVersion and metadata first, as every reader expects them. */
export function ordered(resource: Resource, draft: Draft): Draft {
  const { kind: _kind, apiVersion: _version, metadata, ...rest } = draft;
  return { kind: resource.kind, apiVersion: apiVersionOf(resource), metadata, ...rest };
}
