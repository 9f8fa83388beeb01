import type { Container, Pod } from '../../../schemas/generated/core-v1.ts';
import { isTerminal } from '../../../schemas/helpers/pod-resources.ts';
import type { PolicyPod } from './model.ts';
import { canonicalIp } from './ranges.ts';

/** All of a pod that policies go by, of which there may be very many. */
export function withoutTheRest({ apiVersion, kind, metadata, spec, status }: Pod): Pod {
  const { name, namespace, uid, resourceVersion, labels } = metadata;
  const ports = (containers: readonly Container[] = []): Container[] =>
    containers.flatMap(({ name: of, ports: told, restartPolicy }) =>
      told?.some((port) => port.name) ? [{ name: of, ports: told, ...(restartPolicy && { restartPolicy }) }] : [],
    );
  const init = ports(spec?.initContainers);
  return {
    apiVersion,
    kind,
    metadata: { name, namespace, uid, resourceVersion, labels },
    spec: { nodeName: spec?.nodeName, hostNetwork: spec?.hostNetwork, containers: ports(spec?.containers), ...(init.length > 0 && { initContainers: init }) }, // prettier-ignore
    status: { phase: status?.phase, podIP: status?.podIP, podIPs: status?.podIPs },
  };
}
/** A pod in the node's network is the node to policies, and one that is over is nobody: its address may be another's. */
export function policyPod(pod: Pod): PolicyPod {
  const { metadata, spec, status } = pod;
  const { name, namespace } = metadata;
  const told = status?.podIPs?.map(({ ip }) => ip) ?? (status?.podIP ? [status.podIP] : []);
  const isNone = spec?.hostNetwork === true || isTerminal(pod);
  // Sidecars listen too.
  const containers = [...(spec?.containers ?? []), ...(spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always')]; // prettier-ignore
  return {
    key: `${namespace}/${name}`,
    namespace: namespace!,
    labels: metadata.labels ?? {},
    ips: isNone ? [] : told.flatMap((ip) => canonicalIp(ip) ?? []),
    node: spec?.nodeName ?? '',
    ports: containers.flatMap(({ ports = [] }) =>
      ports.flatMap(({ name: port, protocol = 'TCP', containerPort }) =>
        port ? [{ name: port, protocol, port: containerPort }] : [],
      ),
    ),
  };
}
