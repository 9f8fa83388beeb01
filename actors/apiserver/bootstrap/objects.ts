import facts from '../../../schemas/facts/bootstrap-objects.json' with { type: 'json' };
import flowFacts from '../../../schemas/facts/flowcontrol.json' with { type: 'json' };
import type { APIService } from '../../../schemas/generated/apiregistration-v1.ts';
import type { ConfigMap, Namespace, Service } from '../../../schemas/generated/core-v1.ts';
import type { FlowSchema, PriorityLevelConfiguration } from '../../../schemas/generated/flowcontrol-v1.ts';
import type { PriorityClass } from '../../../schemas/generated/scheduling-v1.ts';
import { formatTime } from '../../../schemas/meta/time.ts';
import { FRONT_PROXY_NAMES } from '../authentication/index.ts';

/** What a fresh API server makes by itself, as recorded from a real one. */
const typed = <T>(apiVersion: string, kind: string, list: unknown): T[] =>
  (list as readonly Record<string, unknown>[]).map((o) => {
    const { status: _status, metadata, ...rest } = o;
    const { generation: _generation, ...meta } = metadata as Record<string, unknown>;
    return { kind, apiVersion, metadata: meta, ...rest } as T;
  });

/** Their finalizer comes with each new namespace: who makes one does not own it. */
export const namespaces = (): Namespace[] =>
  typed<Namespace>('v1', 'Namespace', facts.namespaces).map(({ spec: _spec, ...rest }) => rest);
const DESCRIPTIONS: Readonly<Record<string, string>> = {
  'system-cluster-critical': 'For pods that the cluster cannot do without, wherever they run.',
  'system-node-critical': 'For pods that their node cannot do without; they stay on it.',
};
export const priorityClasses = (): PriorityClass[] =>
  typed<PriorityClass>('scheduling.k8s.io/v1', 'PriorityClass', facts.priorityClasses).map((p) => ({
    ...p,
    description: DESCRIPTIONS[p.metadata.name ?? ''],
  }));
export const flowSchemas = (): FlowSchema[] =>
  typed<FlowSchema>('flowcontrol.apiserver.k8s.io/v1', 'FlowSchema', flowFacts.flowSchemas);
export const priorityLevels = (): PriorityLevelConfiguration[] =>
  typed<PriorityLevelConfiguration>(
    'flowcontrol.apiserver.k8s.io/v1',
    'PriorityLevelConfiguration',
    flowFacts.priorityLevelConfigurations,
  );
export const apiServices = (): APIService[] =>
  typed<APIService>('apiregistration.k8s.io/v1', 'APIService', facts.apiServices);

export const kubernetesService = (clusterIP: string, port: number): Service => ({
  kind: 'Service',
  apiVersion: 'v1',
  metadata: {
    name: 'kubernetes',
    namespace: 'default',
    labels: { component: 'apiserver', provider: 'kubernetes' },
  },
  spec: {
    type: 'ClusterIP',
    clusterIP,
    ipFamilyPolicy: 'SingleStack',
    sessionAffinity: 'None',
    ports: [{ name: 'https', port: 443, protocol: 'TCP', targetPort: port }],
  },
});

export interface TrustedCas {
  /** PEM of the CA of client certificates. */
  readonly clientCa?: string | undefined;
  readonly requestHeaderCa?: string | undefined;
}
/** PEM files end with a line's end; those who compare the map's values with their own files rely on it. */
const ended = (pem: string): string => (pem === '' || pem.endsWith('\n') ? pem : `${pem}\n`);
/** Extension API servers read from here whom to trust. */
export function authenticationConfigMap({ clientCa, requestHeaderCa }: TrustedCas): ConfigMap {
  const front =
    requestHeaderCa === undefined
      ? {}
      : {
          'requestheader-allowed-names': JSON.stringify(FRONT_PROXY_NAMES),
          'requestheader-client-ca-file': ended(requestHeaderCa),
          'requestheader-extra-headers-prefix': '["X-Remote-Extra-"]',
          'requestheader-group-headers': '["X-Remote-Group"]',
          'requestheader-username-headers': '["X-Remote-User"]',
        };
  return {
    kind: 'ConfigMap',
    apiVersion: 'v1',
    metadata: { name: 'extension-apiserver-authentication', namespace: 'kube-system' },
    data: { ...(clientCa !== undefined && { 'client-ca-file': ended(clientCa) }), ...front },
  };
}
export const legacyTokenConfigMap = (nowMs: number): ConfigMap => ({
  kind: 'ConfigMap',
  apiVersion: 'v1',
  metadata: { name: 'kube-apiserver-legacy-service-account-token-tracking', namespace: 'kube-system' },
  data: { since: formatTime(nowMs).slice(0, 10) },
});
