import { defineResource } from '../define.ts';
import type { Service } from '../generated/core-v1.ts';
import { fieldPath } from '../meta/field.ts';
import { nameIsLabel } from '../meta/names.ts';
import { formatLabels } from '../meta/selectors.ts';
import { age } from '../meta/time.ts';
import { cidrWarnings, ipWarnings } from '../networking/strict-ip.ts';
import { isExternallyAccessible } from './service-kinds.ts';
import { wipeUnused } from './service-update.ts';
import { validateService, validateServiceStatus } from './service-validation.ts';
import { validateServiceUpdate } from './service-update-validation.ts';

const AFFINITY_SECONDS = 10800;
const SPEC = fieldPath('spec');
const INGRESS = fieldPath('status')('loadBalancer')('ingress');
/** Types with traffic inside the cluster. */
const INSIDE: ReadonlySet<string> = new Set(['ClusterIP', 'NodePort', 'LoadBalancer']);

export const service = defineResource<Service>({
  group: '', version: 'v1', resource: 'services',
  deleteReturnsObject: true,
  allowCreateOnUpdate: true,
  validateName: nameIsLabel,
  tracksGeneration: false,

  /** Source: pkg/apis/core/v1 SetDefaults_Service. */
  defaults(draft) {
    const spec = draft.spec!;
    spec.sessionAffinity ??= 'None';
    if (spec.sessionAffinity === 'None') delete spec.sessionAffinityConfig;
    else if (spec.sessionAffinity === 'ClientIP' && spec.sessionAffinityConfig?.clientIP?.timeoutSeconds === undefined)
      spec.sessionAffinityConfig = { clientIP: { timeoutSeconds: AFFINITY_SECONDS } };
    spec.type ??= 'ClusterIP';
    for (const port of spec.ports ?? []) {
      port.protocol ??= 'TCP';
      port.targetPort ||= port.port;
    }
    if (isExternallyAccessible(draft)) spec.externalTrafficPolicy ??= 'Cluster';
    if (INSIDE.has(spec.type)) spec.internalTrafficPolicy ??= 'Cluster';
    if (spec.type === 'LoadBalancer') {
      spec.allocateLoadBalancerNodePorts ??= true;
      for (const ingress of draft.status?.loadBalancer?.ingress ?? []) if (ingress.ip) ingress.ipMode ??= 'VIP';
    }
    return draft;
  },
  prepareForCreate(draft) {
    draft.status = { loadBalancer: {} };
    return withoutInsidePolicy(draft);
  },
  prepareForUpdate(draft, old) {
    draft.status = { loadBalancer: {}, ...old.status };
    wipeUnused(draft, old);
    return withoutInsidePolicy(draft);
  },

  validate: validateService,
  changesFirst: true,
  validateUpdate: validateServiceUpdate,
  validateStatusUpdate: validateServiceStatus,
  warnings,
  statusWarnings: ({ status }) => (status?.loadBalancer?.ingress ?? []).flatMap(({ ip }, i) => (ip ? ipWarnings(ip, INGRESS(i)) : [])),

  selectableFields: { 'spec.clusterIP': ({ spec }) => spec?.clusterIP ?? '', 'spec.type': ({ spec }) => spec?.type ?? '' },

  cells(object, now) {
    const { metadata, spec } = object;
    const ports = (spec?.ports ?? []).map((p) => (p.nodePort ? `${p.port}:${p.nodePort}/${p.protocol}` : `${p.port}/${p.protocol}`));
    return [
      metadata.name ?? '', spec?.type ?? '', spec?.clusterIPs?.[0] ?? '<none>', externalIp(object), ports.join(',') || '<none>',
      age(metadata.creationTimestamp, now), formatLabels(spec?.selector),
    ];
  },
}); // prettier-ignore

/** Never shown for what has no traffic inside. Source: pkg/registry/core/service/storage defaultOnReadInternalTrafficPolicy. */
function withoutInsidePolicy(draft: Service): Service {
  const { type, internalTrafficPolicy: policy } = draft.spec!;
  if (type === 'ExternalName' && (policy === 'Cluster' || policy === 'Local')) delete draft.spec!.internalTrafficPolicy;
  return draft;
}
/** Source: pkg/printers/internalversion getServiceExternalIP. */
function externalIp({ spec, status }: Service): string {
  const external = spec?.externalIPs ?? [];
  switch (spec?.type) {
    case 'ClusterIP':
    case 'NodePort':
      return external.join(',') || '<none>';
    case 'LoadBalancer': {
      const ingress = (status?.loadBalancer?.ingress ?? [])
        .map((i) => i.ip || i.hostname || '')
        .filter((i) => i !== '');
      return [...[...new Set(ingress)].sort(), ...external].join(',') || '<pending>';
    }
    case 'ExternalName':
      return spec.externalName ?? '';
    default:
      return '<unknown>';
  }
}
/** Source: pkg/api/service warnings.go GetWarningsForService. */
function warnings(object: Service): readonly string[] {
  const { metadata, spec = {} } = object;
  const {
    type,
    clusterIP = '',
    clusterIPs = [],
    externalIPs = [],
    loadBalancerIP = '',
    loadBalancerSourceRanges = [],
  } = spec;
  const out: string[] = [];
  const isHeadless = type === 'ClusterIP' && clusterIP === 'None';
  const hints = 'service.kubernetes.io/topology-aware-hints';
  if (metadata.annotations?.[hints] !== undefined)
    out.push(`annotation ${hints} is deprecated, please use service.kubernetes.io/topology-mode instead`);
  if (clusterIP !== '' && clusterIP !== 'None')
    out.push(...clusterIPs.flatMap((ip, i) => ipWarnings(ip, SPEC('clusterIPs')(i))));
  if (isHeadless) {
    if (loadBalancerIP) out.push('spec.loadBalancerIP is ignored for headless services');
    if (externalIPs.length > 0) out.push('spec.externalIPs is ignored for headless services');
    if (spec.sessionAffinity !== 'None') out.push('spec.SessionAffinity is ignored for headless services');
  }
  out.push(...externalIPs.flatMap((ip, i) => ipWarnings(ip, SPEC('externalIPs')(i))));
  if (externalIPs.length > 0 && !isHeadless && type !== 'ExternalName')
    out.push('spec.externalIPs is deprecated and may no longer be implemented in some clusters');
  if (loadBalancerIP) out.push(...ipWarnings(loadBalancerIP, SPEC('loadBalancerIP')));
  out.push(...loadBalancerSourceRanges.flatMap((range, i) => cidrWarnings(range, SPEC('loadBalancerSourceRanges')(i))));
  if (type === 'ExternalName' && externalIPs.length > 0)
    out.push('spec.externalIPs is ignored when spec.type is "ExternalName"');
  if (type !== 'ExternalName' && spec.externalName)
    out.push('spec.externalName is ignored when spec.type is not "ExternalName"');
  if (spec.trafficDistribution === 'PreferClose')
    out.push('spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"');
  return out;
}
