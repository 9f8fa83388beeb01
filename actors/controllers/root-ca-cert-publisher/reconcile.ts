import type { ConfigMap, Namespace } from '../../../schemas/generated/core-v1.ts';
import type { Decision } from '../../runtime/intent.ts';
import { configMaps } from '../../runtime/resources.ts';

export const NAME = 'kube-root-ca.crt';
const DESCRIPTION = 'kubernetes.io/description';
/** Source: pkg/controller/certificates/rootcacertpublisher. */
const TEXT =
  'Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. ' +
  'No other usage is guaranteed across distributions of Kubernetes clusters.';

export interface Observed {
  readonly namespace: Namespace;
  readonly configMap: ConfigMap | undefined;
  /** PEM. */
  readonly ca: string;
}
/** Every namespace has the cluster's CA in a ConfigMap, and nothing else in it. */
export function reconcile({ namespace, configMap, ca }: Observed): Decision {
  if (namespace.status?.phase === 'Terminating' || namespace.metadata.deletionTimestamp) return { intents: [] };
  const data = { 'ca.crt': ca };
  if (!configMap) {
    const metadata = { name: NAME, namespace: namespace.metadata.name, annotations: { [DESCRIPTION]: TEXT } };
    const object: ConfigMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data };
    return {
      intents: [{ op: 'create', gvr: configMaps, object, tolerate: ['AlreadyExists', 'NotFound'] }],
    };
  }
  const { metadata } = configMap;
  const isRight = Object.keys(configMap.data ?? {}).length === 1 && configMap.data?.['ca.crt'] === ca;
  if (isRight && metadata.annotations?.[DESCRIPTION]) return { intents: [] };
  const annotations = { ...metadata.annotations, [DESCRIPTION]: TEXT };
  return {
    intents: [
      {
        op: 'update',
        gvr: configMaps,
        object: { ...configMap, metadata: { ...metadata, annotations }, data } as ConfigMap,
      },
    ],
  };
}
