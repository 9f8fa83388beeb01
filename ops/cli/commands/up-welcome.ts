import { join } from 'node:path';
import type { ClusterConfig } from '../../cluster/config.ts';
import { dnsExample } from '../../cluster/dns.ts';
import { ingressUrls } from '../../cluster/ingress-ports.ts';
import { contextName } from '../../cluster/kubeconfig.ts';
import type { ClusterPaths } from '../../cluster/paths.ts';
import { bold, print } from '../output.ts';

/** What somebody may do next whose cluster is up. */
export function welcome(config: ClusterConfig, server: string, { pki }: ClusterPaths): void {
  const suffix = config.name === 'kubus' ? '' : ` --name ${config.name}`;
  print(
    `\nCluster "${config.name}" is up at ${server} (context ${contextName(config.name)}).${config.ephemeral ? ' It is ephemeral: nothing of it is kept.' : ''}\n\nNext:`,
  );
  print(`  ${bold(`kubectl --context ${contextName(config.name)} get nodes`)}`);
  // Simulated nodes run whatever is asked for; real ones need an image that is somewhere.
  const image = config.runtime === 'cri' ? 'web:1' : 'hello';
  if (config.runtime === 'cri') print(`  ${bold(`docker save ${image} > web.tar && kubus load web.tar${suffix}`)}`);
  print(
    `  ${bold(`kubectl --context ${contextName(config.name)} create deployment hello --image=${image} --replicas=3`)}`,
  );
  print(`  ${bold(`kubus status${suffix}`)}`);
  const { ingressPorts, dns } = config;
  if (dns !== undefined) print(`\nNames of the cluster are answered:\n  ${bold(dnsExample(dns))}`);
  if (ingressPorts !== undefined)
    print(
      `\nIngresses are served at ${ingressUrls(ingressPorts).http} and ${ingressUrls(ingressPorts).https}:\n  ${bold(`kubectl --context ${contextName(config.name)} create ingress hello --rule='hello.local/*=hello:80'`)}\n  ${bold(`curl -H 'Host: hello.local' ${ingressUrls(ingressPorts).http}/`)}`,
    );
  if (config.listen !== undefined)
    print(`\nOther machines join at ${config.listen}:\n  ${bold(`kubus token create${suffix}`)}`);
  if (config.etcdPort === undefined) return;
  const file = (name: string): string => join(pki, 'etcd', name);
  print(
    `\nThe store speaks etcd's protocol:\n  ${bold(`etcdctl --endpoints https://127.0.0.1:${config.etcdPort} --cacert ${file('ca.crt')} --cert ${file('client.crt')} --key ${file('client.key')} endpoint status`)}`,
  );
}
