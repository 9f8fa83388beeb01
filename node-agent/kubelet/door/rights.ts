import type { World } from '../../../bus/world.ts';
import type { ApiClient } from '../../../actors/runtime/api-client.ts';
import { subjectAccessReviews } from '../../../actors/runtime/resources.ts';
import type { UserInfo } from '../../../schemas/generated/authentication-v1.ts';
import { durationMs } from '../../../schemas/meta/duration.ts';
import type { SubjectAccessReview, SubjectAccessReviewStatus } from '../../../schemas/generated/authorization-v1.ts';
import type { DoorConfiguration } from '../node/door-configuration.ts';
import type { Asked } from './attributes.ts';
import { patiently } from './patiently.ts';
import { remembered } from './remembered.ts';

/** Source: apiserver plugin/pkg/authorizer/webhook. */
const MOST = 8_192;
/** What a client can make as long as it likes is not kept. Source: webhook.go maxControlledAttrCacheSize. */
const MAX_KEPT_CHARACTERS = 10_000;
const TIMEOUT_MS = 10_000;

/** Why a request is not served: the status, and the text of it. */
export interface Refused {
  readonly status: 403 | 500;
  readonly text: string;
}
/** undefined: it may be served. */
export type Authorize = (user: UserInfo, asked: Asked) => Promise<Refused | undefined>;
/**
 * Asks the API whether a user may do what a request is for. Source: kubelet pkg/server InstallAuthFilter, app BuildAuthz.
 */
export function createAuthorizer(
  world: Pick<World, 'clock' | 'random' | 'log'>,
  client: Pick<ApiClient, 'create'>,
  node: string,
  { mode, webhook }: DoorConfiguration['authorization'],
): Authorize {
  if (mode === 'AlwaysAllow') return async () => undefined;
  const [allowedMs, otherwiseMs] = [durationMs(webhook.cacheAuthorizedTTL), durationMs(webhook.cacheUnauthorizedTTL)];
  const known = remembered<SubjectAccessReviewStatus>(world.clock, MOST, ({ allowed }) => allowed ? allowedMs : otherwiseMs); // prettier-ignore
  const mayDo = async ({ username, uid, groups, extra }: UserInfo, verb: string, subresource: string): Promise<boolean> => {
    const spec: SubjectAccessReview['spec'] = {
      ...(username !== undefined && { user: username }),
      ...(uid !== undefined && { uid }),
      ...(groups !== undefined && { groups }),
      ...(extra !== undefined && { extra }),
      resourceAttributes: { verb, version: 'v1', resource: 'nodes', subresource, name: node },
    };
    const review: SubjectAccessReview = { apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview', metadata: {}, spec }; // prettier-ignore
    const ask = async (): Promise<SubjectAccessReviewStatus> => {
      const { status } = await patiently(world, () => client.create(subjectAccessReviews, review, { timeoutMs: TIMEOUT_MS })); // prettier-ignore
      return status ?? { allowed: false };
    };
    const key = JSON.stringify(spec);
    const { allowed, denied } = await (key.length < MAX_KEPT_CHARACTERS ? known(key, ask) : ask());
    if (allowed && denied === true)
      throw new Error('webhook subject access review returned both allow and deny response');
    return allowed;
  }; // prettier-ignore
  return async (user, { verb, subresources }) => {
    const who = `user=${user.username ?? ''}, verb=${verb}, resource=nodes`;
    for (const subresource of subresources)
      try {
        if (await mayDo(user, verb, subresource)) return undefined;
      } catch (error) {
        world.log.warn('it cannot be told whether a client may ask the node', { user: user.username, err: error });
        return { status: 500, text: `Authorization error (${who}, subresource=${subresource})` };
      }
    return { status: 403, text: `Forbidden (${who}, subresource(s)=[${subresources.join(' ')}])\n` };
  };
}
