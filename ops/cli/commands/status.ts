import { etcdAddress, requireCluster } from '../../cluster/config.ts';
import { connectTool } from '../../cluster/connect.ts';
import { dnsExample, dnsTold } from '../../cluster/dns.ts';
import { ingressUrls } from '../../cluster/ingress-ports.ts';
import { watchPresence } from '../../../bus/presence.ts';
import { askSupervisor } from '../../process/control.ts';
import { isUp } from '../../process/supervisor.ts';
import { print, printJson, table } from '../output.ts';

/** Longer than two presence beats: whoever is alive has been heard. */
const LISTEN_MS = 600;

/** What each component says it is doing. Exit status 1 if the cluster is down. */
export async function status(options: { name: string; output: string }): Promise<void> {
  const { paths, config } = requireCluster(options.name);
  const pid = isUp(paths);
  if (pid === undefined) {
    if (options.output === 'json') printJson({ name: config.name, state: 'down', components: [] });
    else print(`Cluster "${config.name}" is down. Start it with: kubus up --name ${config.name}`);
    process.exitCode = 1;
    return;
  }
  const { bus, world } = await connectTool(paths, 'console');
  const presence = watchPresence(bus, world, () => undefined);
  await new Promise((r) => setTimeout(r, LISTEN_MS));
  const rows = presence.list();
  presence.unsubscribe();
  await bus.drain();
  const door = config.etcdPort === undefined ? undefined : etcdAddress(config.etcdPort);
  if (options.output === 'json') {
    // A cluster that is still starting has nobody yet who would tell.
    const told = await askSupervisor(paths, config.name, { type: 'list' }).catch(() => undefined);
    const replicas = told?.replicas ?? [];
    return printJson({
      name: config.name,
      state: 'up',
      pid,
      components: rows,
      replicas,
      etcd: door,
      dns: dnsTold(config),
      ingress: config.ingressPorts && ingressUrls(config.ingressPorts),
    });
  }
  print(`Cluster "${config.name}" is up (process ${pid}).\n`);
  if (door !== undefined) print(`The store speaks etcd's protocol at ${door}.\n`);
  if (config.dns !== undefined) print(`Its names are answered: ${dnsExample(config.dns)}\n`);
  if (config.ingressPorts !== undefined) {
    const { http, https } = ingressUrls(config.ingressPorts);
    print(`Ingresses are served at ${http} and ${https}.\n`);
  }
  print(
    table(
      ['COMPONENT', 'ID', 'STATE'],
      rows.map((r) => [r.component, r.id, r.state]),
    ),
  );
}
