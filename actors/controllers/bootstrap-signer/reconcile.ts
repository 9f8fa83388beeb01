import { tokenData, tokenIdOf, tokenLifeMs } from '../../../schemas/core/bootstrap-token.ts';
import type { ConfigMap, Secret } from '../../../schemas/generated/core-v1.ts';
import type { Decision } from '../../runtime/intent.ts';
import { configMaps } from '../../runtime/resources.ts';

const CONTENT = 'kubeconfig';
const SIGNATURE = 'jws-kubeconfig-';

/** A detached JWS of `content` by the token `id.secret`. */
export type Sign = (content: string, id: string, secret: string) => string;
export interface Observed {
  /** `cluster-info` of kube-public; undefined: nobody has made it. */
  readonly info: ConfigMap | undefined;
  readonly tokens: Iterable<Secret>;
  readonly sign: Sign;
}

/** The secret by which the token signs; undefined: it does not. */
function signingSecret(token: Secret, now: number): string | undefined {
  const id = tokenIdOf(token);
  if (id === undefined || tokenData(token, 'token-id') !== id) return undefined;
  if ((tokenLifeMs(token, now) ?? 1) <= 0) return undefined;
  if (tokenData(token, 'usage-bootstrap-signing') !== 'true') return undefined;
  return tokenData(token, 'token-secret') || undefined;
}

/**
 * The kubeconfig that anybody may read is signed by each token that may sign, so that who has one knows it to be true.
 * Source: pkg/controller/bootstrap/bootstrapsigner.go.
 */
export function reconcile({ info, tokens, sign }: Observed, now: number): Decision {
  const content = info?.data?.[CONTENT];
  if (info?.data === undefined || content === undefined) return { intents: [] };
  const wanted: Record<string, string> = {};
  const ends: number[] = [];
  for (const token of tokens) {
    const secret = signingSecret(token, now);
    if (secret === undefined) continue;
    const id = tokenIdOf(token)!;
    wanted[`${SIGNATURE}${id}`] = sign(content, id, secret);
    const left = tokenLifeMs(token, now);
    if (left !== undefined) ends.push(left);
  }
  const present = Object.entries(info.data).filter(([key]) => key.startsWith(SIGNATURE));
  const isRight =
    present.length === Object.keys(wanted).length && present.every(([key, value]) => wanted[key] === value);
  const requeueAfterMs = ends.length > 0 ? Math.min(...ends) : undefined;
  if (isRight) return { intents: [], requeueAfterMs };
  const others = Object.entries(info.data).filter(([key]) => !key.startsWith(SIGNATURE));
  const object: ConfigMap = { ...info, data: { ...Object.fromEntries(others), ...wanted } };
  return { intents: [{ op: 'update', gvr: configMaps, object, tolerate: ['NotFound'] }], requeueAfterMs };
}
