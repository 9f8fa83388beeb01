import type { TokenReview } from '../../../schemas/generated/authentication-v1.ts';
import { ApiError } from '../../../schemas/meta/status.ts';
import { formatTime } from '../../../schemas/meta/time.ts';
import type { World } from '../../../bus/world.ts';
import type { CredentialNotes, UserInfo, VirtualCreate } from '../request.ts';
import type { ClusterAuthenticator } from './authenticator.ts';

const shown = (user: UserInfo) => ({
  ...(user.name && { username: user.name }),
  ...(user.uid && { uid: user.uid }),
  ...(user.groups.length > 0 && { groups: user.groups }),
  ...(user.extra !== undefined && Object.keys(user.extra).length > 0 && { extra: user.extra }),
});

/** Answers to `create` of TokenReview and SelfSubjectReview, by resource. Source: kubernetes pkg/registry/authentication. */
export function createIdentityReviews(
  authenticator: ClusterAuthenticator,
  audiences: readonly string[],
  world: World,
): ReadonlyMap<string, VirtualCreate> {
  const token: VirtualCreate = async (request, object) => {
    const { spec, status: given } = object as unknown as TokenReview;
    if (!spec?.token) throw new ApiError('BadRequest', 'token is required for TokenReview in authentication');
    const wanted = (spec.audiences ?? []).length > 0 ? spec.audiences! : audiences;
    const notes: CredentialNotes = {};
    const verdict = await authenticator.review(spec.token, wanted, notes);
    for (const { key, value, warning } of notes.noted ?? []) {
      request.audit?.annotate(key, value);
      if (warning !== undefined) request.warnings.push(warning);
    }
    // What nothing is known of stays as the client sent it.
    const { authenticated: _, ...before } = given ?? {};
    const status =
      verdict.user === undefined
        ? { user: {}, ...before, error: verdict.error }
        : { ...before, authenticated: true, user: shown(verdict.user), audiences: verdict.audiences };
    return { ...object, status };
  };
  const self: VirtualCreate = (request) => ({
    kind: 'SelfSubjectReview',
    apiVersion: 'authentication.k8s.io/v1',
    metadata: { creationTimestamp: formatTime(world.clock.now()) },
    status: { userInfo: shown(request.user) },
  });
  return new Map([
    ['tokenreviews', token],
    ['selfsubjectreviews', self],
  ]);
}
