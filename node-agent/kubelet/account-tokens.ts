import type { World } from '../../bus/world.ts';
import type { TokenRequest } from '../../schemas/generated/authentication-v1.ts';
import type { Pod } from '../../schemas/generated/core-v1.ts';
import { goQuote } from '../../schemas/meta/go-quote.ts';
import { parseTime } from '../../schemas/meta/time.ts';
import type { ApiClient } from '../../actors/runtime/api-client.ts';
import { serviceAccounts } from '../../actors/runtime/resources.ts';

/** Source: kubelet token_manager.go maxTTL, maxJitter. */
const LONGEST_MS = 24 * 3_600_000;
const JITTER_MS = 10_000;

export interface AccountToken {
  readonly token: string;
  /** RFC 3339, as the API server said it. */
  readonly expires: string;
  /** ms since the epoch: when it should be asked for anew. */
  readonly refreshAt: number;
}
/** Tokens of the service accounts of this node's pods, each bound to its pod and kept until four fifths of its time are over. */
export interface AccountTokens {
  /** Rejects: Error `failed to fetch token: ...`, or `token ... expired and refresh failed: ...`. */
  get(pod: Pod, audience: string, expirationSeconds: number, signal?: AbortSignal): Promise<AccountToken>;
  forget(podUid: string): void;
}
/** Source: kubelet token/token_manager.go. */
export function createAccountTokens({ world, client }: { readonly world: World; readonly client: ApiClient }): AccountTokens {
  const { clock, random } = world;
  const known = new Map<string, Map<string, AccountToken>>();

  async function ask(pod: Pod, audience: string, expirationSeconds: number, signal: AbortSignal | undefined): Promise<AccountToken> {
    const { name, namespace, uid } = pod.metadata;
    const account = pod.spec?.serviceAccountName || 'default';
    const request: TokenRequest = {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      metadata: {},
      spec: {
        audiences: audience === '' ? [] : [audience],
        expirationSeconds,
        boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid },
      },
    };
    const { spec, status } = await client.create(serviceAccounts, request, { subresource: 'token', name: account, namespace, signal });
    const expires = status?.expirationTimestamp;
    if (!status?.token || expires === undefined) throw new Error('the answer holds no token');
    const until = parseTime(expires) ?? clock.now();
    const lastsMs = (spec?.expirationSeconds ?? expirationSeconds) * 1_000;
    const jitter = random() * JITTER_MS;
    return { token: status.token, expires, refreshAt: Math.min(until - lastsMs + LONGEST_MS, until - 0.2 * lastsMs) - jitter };
  }
  return {
    async get(pod, audience, expirationSeconds, signal) {
      const uid = pod.metadata.uid!;
      const key = JSON.stringify([audience, expirationSeconds]);
      const kept = known.get(uid)?.get(key);
      if (kept !== undefined && clock.now() < kept.refreshAt) return kept;
      let fresh: AccountToken;
      try {
        fresh = await ask(pod, audience, expirationSeconds, signal);
      } catch (error) {
        signal?.throwIfAborted();
        const why = error instanceof Error ? error.message : String(error);
        if (kept === undefined) throw new Error(`failed to fetch token: ${why}`, { cause: error });
        const name = goQuote(`${pod.spec?.serviceAccountName}/${pod.metadata.namespace}`);
        if ((parseTime(kept.expires) ?? 0) < clock.now()) throw new Error(`token ${name} expired and refresh failed: ${why}`, { cause: error });
        return { ...kept, refreshAt: clock.now() + JITTER_MS };
      }
      let ofPod = known.get(uid);
      if (ofPod === undefined) known.set(uid, (ofPod = new Map()));
      ofPod.set(key, fresh);
      return fresh;
    },
    forget: (podUid) => void known.delete(podUid),
  };
} // prettier-ignore
