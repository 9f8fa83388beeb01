import { timingSafeEqual } from 'node:crypto';
import { BOOTSTRAP_TOKEN, tokenData, tokenLifeMs } from '../../../schemas/core/bootstrap-token.ts';
import type { Secret } from '../../../schemas/generated/core-v1.ts';
import type { Registry } from '../../../schemas/resource.ts';
import type { World } from '../../../bus/world.ts';
import type { CacheReader, UserInfo } from '../request.ts';
import { authenticated } from './users.ts';

const TOKEN = /^([a-z0-9]{6})\.([a-z0-9]{16})$/;
const GROUP = /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/;
const ALL = 'system:bootstrappers';

/**
 * `id.secret` tokens for machines that join, kept as Secrets of kube-system. undefined: no such token.
 * Source: kubernetes plugin/pkg/auth/authenticator/token/bootstrap.
 */
export function createBootstrapTokens(registry: Registry, cache: CacheReader, world: World) {
  const secrets = registry.lookup({ group: '', version: 'v1', resource: 'secrets' })!;
  return {
    authenticate(token: string): UserInfo | undefined {
      const match = TOKEN.exec(token);
      if (match === null) return undefined;
      const [, id = '', given = ''] = match;
      const secret = cache.get<Secret>(secrets, 'kube-system', `bootstrap-token-${id}`);
      if (secret === undefined || secret.metadata.deletionTimestamp !== undefined) return undefined;
      if (secret.type !== BOOTSTRAP_TOKEN) return undefined;
      const data = (key: string): string => tokenData(secret, key);
      if (!equal(data('token-secret'), given) || data('token-id') !== id) return undefined;
      if ((tokenLifeMs(secret, world.clock.now()) ?? 1) <= 0) return undefined;
      if (data('usage-bootstrap-authentication') !== 'true') return undefined;
      const extra = data('auth-extra-groups');
      const groups = extra === '' ? [] : extra.split(',');
      if (groups.some((group) => !GROUP.test(group))) return undefined;
      return authenticated({ name: `system:bootstrap:${id}`, groups: [...new Set([ALL, ...groups])].sort() });
    },
  };
}
function equal(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
