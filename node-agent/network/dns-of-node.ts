import { readFileSync } from 'node:fs';
import type { EventRecorder } from '../../actors/runtime/events.ts';
import type { ObjectReference, Pod } from '../../schemas/generated/core-v1.ts';
import type { PodDns } from '../runtime/cri/parts.ts';
import { RuntimeError } from '../runtime/interface.ts';
import { parseResolvConf, podDns, resolvConfNews, type ClusterDns, type DnsNews } from './pod-dns.ts';

/**
 * How the pods of this node find names, its resolv.conf read anew for each as it may have changed; says so as Events where
 * less than what was asked for is to be had. Thrown: RuntimeError where it cannot be read.
 */
export function nodeDns(o: {
  readonly recorder: EventRecorder;
  readonly node: string;
  /** As it is now. */
  readonly cluster: () => ClusterDns;
  /** Default `/etc/resolv.conf`. */
  readonly resolvConf?: string | undefined;
}): { dnsOf(pod: Pod): PodDns } {
  const { recorder, cluster, resolvConf: file = '/etc/resolv.conf' } = o;
  const node: ObjectReference = { apiVersion: 'v1', kind: 'Node', name: o.node, uid: o.node };
  const tell = ({ about, reason, message }: DnsNews, pod: Pod | undefined): void =>
    recorder.event(about === 'pod' && pod !== undefined ? pod : node, 'Warning', reason, message);
  const read = (): PodDns => parseResolvConf(readFileSync(file, 'utf8'));
  try {
    const news = resolvConfNews(file, read(), cluster().domain);
    if (news !== undefined) tell(news, undefined);
  } catch (error) {
    tell({ about: 'node', reason: 'CheckLimitsForResolvConf', message: (error as Error).message }, undefined);
  }
  return {
    dnsOf(pod) {
      let own: PodDns;
      try {
        own = read();
      } catch (error) {
        throw new RuntimeError('CreatePodSandboxError', (error as Error).message, { cause: error });
      }
      const { dns, news } = podDns(pod, own, cluster());
      for (const one of news) tell(one, pod);
      return dns;
    },
  };
}
