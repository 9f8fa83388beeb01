import { ApiError } from '../../../schemas/meta/status.ts';
import type { Authorizer, RequestInfo, UserInfo } from '../request.ts';
import { decided, reasonsOf, type Deciding } from '../authorization/deciding.ts';
import { forbidden } from '../authorization/forbidden.ts';
import {
  ANONYMOUS,
  AUTHENTICATED,
  UNAUTHENTICATED,
  intern,
  parseServiceAccount,
  serviceAccountGroups,
} from './users.ts';

/** Whom a request wants to act as. */
export interface Impersonation {
  readonly user: string;
  readonly uid?: string | undefined;
  readonly groups?: readonly string[] | undefined;
  readonly extra?: Readonly<Record<string, readonly string[]>> | undefined;
}
type HeaderMap = Readonly<Record<string, string | string[] | undefined>>;
const listOf = (value: string | string[] | undefined): readonly string[] =>
  value === undefined ? [] : typeof value === 'string' ? [value] : value;
const EXTRA = 'impersonate-extra-';

/**
 * Reads the Impersonate-* headers (lower-case names, repeated ones as lists). undefined: none.
 * Node joins repeated unknown headers with `, `: doors hand over `headersDistinct`.
 */
export function impersonationOf(headers: HeaderMap): Impersonation | undefined {
  const user = listOf(headers['impersonate-user'])[0] ?? '';
  const uid = listOf(headers['impersonate-uid'])[0] ?? '';
  const groups = listOf(headers['impersonate-group']);
  const extra: Record<string, string[]> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (!name.startsWith(EXTRA)) continue;
    const key = decodeKey(name.slice(EXTRA.length));
    (extra[key] ??= []).push(...listOf(value));
  }
  if (user === '') {
    if (uid === '' && groups.length === 0 && Object.keys(extra).length === 0) return undefined;
    throw new ApiError('BadRequest', `requested ${goUser(uid, groups, extra)} without impersonating a user name`);
  }
  return {
    user,
    ...(uid && { uid }),
    ...(groups.length > 0 && { groups }),
    ...(Object.keys(extra).length > 0 && { extra }),
  };
}
function decodeKey(key: string): string {
  try {
    return decodeURIComponent(key).toLowerCase();
  } catch {
    return key;
  }
}
/** The refusal shows Go's view of the user that was asked for. */
function goUser(uid: string, groups: readonly string[], extra: Readonly<Record<string, readonly string[]>>): string {
  const strings = (list: readonly string[]): string => `[]string{${list.map((s) => JSON.stringify(s)).join(', ')}}`;
  const keys = Object.keys(extra).sort();
  const map =
    keys.length === 0
      ? 'map[string][]string(nil)'
      : `map[string][]string{${keys.map((k) => `${JSON.stringify(k)}:${strings(extra[k]!)}`).join(', ')}}`;
  return `&user.DefaultInfo{Name:"", UID:${JSON.stringify(uid)}, Groups:${groups.length === 0 ? '[]string(nil)' : strings(groups)}, Extra:${map}}`;
}

interface Check {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name: string;
}
const AUTHENTICATION = 'authentication.k8s.io';
const infoOf = (c: Check): RequestInfo => ({
  isResource: true, path: '', verb: c.verb, group: c.group, version: 'v1', resource: c.resource,
  subresource: c.subresource ?? '', namespace: c.namespace ?? '', name: c.name,
}); // prettier-ignore

/** Who is acted as, and the right in the narrower sense that allowed it, if any did. */
interface Impersonated {
  readonly user: UserInfo;
  readonly constraint: string;
}
/**
 * The user that the request acts as from here on. Thrown: ApiError Forbidden, naming the first right that is missing.
 * Tries the constrained modes, then the plain verb `impersonate`. Source: apiserver pkg/endpoints/filters/impersonation.
 */
export function impersonate(
  wanted: Impersonation,
  requestor: UserInfo,
  info: RequestInfo,
  authorizer: Authorizer,
): Impersonated | Promise<Impersonated> {
  return decided(impersonating(wanted, requestor, info, authorizer));
}
function* impersonating(
  wanted: Impersonation,
  requestor: UserInfo,
  info: RequestInfo,
  authorizer: Authorizer,
): Deciding<Impersonated> {
  function* demand(request: RequestInfo): Deciding<void> {
    const decision = yield authorizer.authorize(requestor, request);
    if (decision.allowed !== 'yes') throw forbidden(requestor, request, reasonsOf(decision));
  }
  let first: unknown;
  for (const mode of modesFor(wanted, requestor)) {
    try {
      if (mode !== undefined) yield* demand({ ...info, verb: `impersonate-on:${mode}:${info.verb}` });
      for (const check of checksOf(wanted, mode)) yield* demand(infoOf(check));
      return { user: finish(wanted, mode), constraint: mode === undefined ? '' : `impersonate:${mode}` };
    } catch (error) {
      first ??= error;
    }
  }
  throw first;
}

/** Constrained modes that fit, most special first; undefined is the unconstrained one. */
function modesFor(wanted: Impersonation, requestor: UserInfo): (string | undefined)[] {
  const nameOnly = !wanted.uid && (wanted.groups ?? []).length === 0 && Object.keys(wanted.extra ?? {}).length === 0;
  const node = nodeName(wanted.user);
  if (node !== undefined) {
    if (!nameOnly) return [undefined];
    const own = requestor.extra?.['authentication.kubernetes.io/node-name']?.[0] === node;
    const associated = own && parseServiceAccount(requestor.name) !== undefined;
    return [...(associated ? ['associated-node'] : []), 'arbitrary-node', undefined];
  }
  if (parseServiceAccount(wanted.user) !== undefined) return nameOnly ? ['serviceaccount', undefined] : [undefined];
  return ['user-info', undefined];
}
const nodeName = (user: string): string | undefined =>
  user.startsWith('system:node:') && user.length > 'system:node:'.length ? user.slice(12) : undefined;

function* checksOf(wanted: Impersonation, mode: string | undefined): Generator<Check> {
  const verb = mode === undefined ? 'impersonate' : `impersonate:${mode}`;
  const group = mode === undefined ? '' : AUTHENTICATION;
  const account = parseServiceAccount(wanted.user);
  const node = mode === undefined ? undefined : nodeName(wanted.user);
  if (account !== undefined) yield { verb, group, resource: 'serviceaccounts', ...account };
  else if (node !== undefined) yield { verb, group, resource: 'nodes', name: mode === 'associated-node' ? '*' : node };
  else yield { verb, group, resource: 'users', name: wanted.user };
  if (wanted.uid) yield { verb, group: AUTHENTICATION, resource: 'uids', name: wanted.uid };
  for (const name of wanted.groups ?? []) yield { verb, group, resource: 'groups', name };
  for (const [key, values] of Object.entries(wanted.extra ?? {}))
    for (const name of values) yield { verb, group: AUTHENTICATION, resource: 'userextras', subresource: key, name };
}

function finish(wanted: Impersonation, mode: string | undefined): UserInfo {
  const account = parseServiceAccount(wanted.user);
  let groups: readonly string[] = wanted.groups ?? [];
  if (groups.length === 0 && account !== undefined) groups = serviceAccountGroups(account.namespace);
  if (mode !== undefined && nodeName(wanted.user) !== undefined) groups = ['system:nodes'];
  if (wanted.user === ANONYMOUS) groups = add(groups, UNAUTHENTICATED);
  else if (!groups.includes(UNAUTHENTICATED)) groups = add(groups, AUTHENTICATED);
  return intern({
    name: wanted.user,
    groups,
    ...(wanted.uid && { uid: wanted.uid }),
    ...(wanted.extra !== undefined && { extra: wanted.extra }),
  });
}
const add = (groups: readonly string[], group: string): readonly string[] =>
  groups.includes(group) ? groups : [...groups, group];
