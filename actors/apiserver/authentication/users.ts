import type { UserInfo } from '../request.ts';

export const ANONYMOUS = 'system:anonymous';
export const UNAUTHENTICATED = 'system:unauthenticated';
export const AUTHENTICATED = 'system:authenticated';
const SERVICE_ACCOUNT = 'system:serviceaccount:';

export const serviceAccountName = (namespace: string, name: string): string => `${SERVICE_ACCOUNT}${namespace}:${name}`;
export const serviceAccountGroups = (namespace: string): string[] => [
  'system:serviceaccounts',
  `system:serviceaccounts:${namespace}`,
];
/** Namespace and name of a service account's user name; undefined for other users. */
export function parseServiceAccount(user: string): { namespace: string; name: string } | undefined {
  if (!user.startsWith(SERVICE_ACCOUNT)) return undefined;
  const parts = user.slice(SERVICE_ACCOUNT.length).split(':');
  return parts.length === 2 && parts[0] !== '' && parts[1] !== ''
    ? { namespace: parts[0]!, name: parts[1]! }
    : undefined;
}

const known = new Map<string, UserInfo>();
const LIMIT = 10_000;
/** The same object for equal users without extra: decisions are remembered by identity. */
export function intern(user: UserInfo): UserInfo {
  if (user.extra !== undefined && Object.keys(user.extra).length > 0) return user;
  const key = JSON.stringify([user.name, user.uid ?? '', ...user.groups]);
  const found = known.get(key);
  if (found !== undefined) return found;
  if (known.size >= LIMIT) known.delete(known.keys().next().value!);
  known.set(key, user);
  return user;
}

/** Adds system:authenticated, as the last stage of authentication does. */
export const authenticated = (user: UserInfo): UserInfo =>
  user.groups.includes(AUTHENTICATED) || user.groups.includes(UNAUTHENTICATED) || user.name === ANONYMOUS
    ? intern(user)
    : intern({ ...user, groups: [...user.groups, AUTHENTICATED] });
export const anonymous: UserInfo = intern({ name: ANONYMOUS, groups: [UNAUTHENTICATED] });
