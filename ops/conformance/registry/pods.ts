import { eventually, type TestCluster } from '../../testing/cluster.ts';
import type { Pod } from '../../../schemas/generated/core-v1.ts';
import { PORT, USER } from './names.ts';

export interface PodWish {
  readonly image: string;
  readonly policy?: 'Always' | 'IfNotPresent' | 'Never';
  readonly secrets?: readonly string[];
  readonly account?: string;
  /** Of an image that is a volume, at /image. */
  readonly volume?: string;
}
export interface Seen {
  readonly reason: string;
  readonly message: string;
  readonly imageID: string;
  readonly ready: boolean;
}
/** What is done with pods and what is heard of their images. */
export function podsOf({ kubectl }: TestCluster) {
  const apply = (object: object): Promise<string> => kubectl(['apply', '-f', '-'], JSON.stringify(object));
  const seen = async (name: string): Promise<Seen> => {
    const pod = JSON.parse(await kubectl(['get', 'pod', name, '-o', 'json'])) as Pod;
    const [{ state, imageID = '', ready = false } = {}] = pod.status?.containerStatuses ?? [];
    const { reason = '', message = '' } = state?.waiting ?? {};
    return { reason, message, imageID, ready };
  };
  return {
    apply,
    seen,
    run: (name: string, { image, policy, secrets = [], account, volume }: PodWish) =>
      apply({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name },
        spec: {
          terminationGracePeriodSeconds: 0,
          imagePullSecrets: secrets.map((secret) => ({ name: secret })),
          ...(account && { serviceAccountName: account }),
          containers: [
            {
              name: 'main',
              image,
              ...(policy && { imagePullPolicy: policy }),
              ...(volume && { volumeMounts: [{ name: 'image', mountPath: '/image' }] }),
            },
          ],
          ...(volume && { volumes: [{ name: 'image', image: { reference: volume } }] }),
        },
      }),
    ready: async (...names: string[]): Promise<Seen> => {
      await kubectl(['wait', '--for=condition=Ready', ...names.map((name) => `pod/${name}`), '--timeout=90s']).catch(async (error: unknown) => {
        throw new Error(`${(error as Error).message}; ${JSON.stringify(await Promise.all(names.map(seen)))}`);
      });
      return seen(names[0]!);
    },
    /** Once it waits for this reason. */
    waits: (name: string, reason: string): Promise<Seen> =>
      eventually(`${name} waits for ${reason}`, async () => {
        const now = await seen(name);
        if (now.reason === reason) return now;
        throw new Error(JSON.stringify(now));
      }, 60_000),
    /** Once the pod's events say all of it, each as `reason: message`; nodes that are busy tell of them late. */
    heard: (name: string, ...texts: readonly RegExp[]): Promise<true> =>
      eventually<true>(`events of ${name}`, async () => {
        const { items } = JSON.parse(await kubectl(['get', 'events', '--field-selector', `involvedObject.name=${name}`, '-o', 'json'])) as { items: { reason: string; message: string }[] };
        const said = items.map(({ reason, message }) => `${reason}: ${message}`);
        const missing = texts.find((text) => !said.some((line) => text.test(line)));
        if (missing === undefined) return true as const;
        throw new Error(`no ${missing} in ${JSON.stringify(said)}`);
      }),
    end: (...names: string[]) => kubectl(['delete', 'pod', ...names, '--wait=true', '--ignore-not-found']),
    /** `places`: entries for a user; `old`: in the form that was before. */
    secret: (name: string, places: readonly string[], { password = USER.password, old = false }: { readonly password?: string; readonly old?: boolean } = {}) => {
      const auth = Buffer.from(`${USER.name}:${password}`).toString('base64');
      const auths = Object.fromEntries(places.map((place) => [place, { auth }]));
      const [type, key] = old ? (['kubernetes.io/dockercfg', '.dockercfg'] as const) : (['kubernetes.io/dockerconfigjson', '.dockerconfigjson'] as const);
      return apply({ apiVersion: 'v1', kind: 'Secret', metadata: { name }, type, stringData: { [key]: JSON.stringify(old ? auths : { auths }) } });
    },
  };
} // prettier-ignore
export const placeOf = (host: string, path = ''): string => `${host}:${PORT}${path}`;
/** Thrown: Error with both where it does not match. */
export function expectText(text: string, pattern: RegExp): void {
  if (!pattern.test(text)) throw new Error(`${JSON.stringify(text)} is not ${pattern}`);
}
export function must(holds: boolean, why: string): void {
  if (!holds) throw new Error(why);
}
