import { type Command, Option } from 'commander';
import {
  addons,
  answeringNames,
  audited,
  authenticated,
  authorized,
  inFlight,
  integer,
  json,
  list,
  named,
  proxying,
  scheduling,
  servingIngresses,
} from './options.ts';
import { COMPONENTS } from '../../process/spec.ts';

/** up, down, status, list, kubeconfig. */
export function addClusters(program: Command): void {
  scheduling(
    servingIngresses(
      answeringNames(proxying(authenticated(authorized(audited(inFlight(named(program.command('up')))))))),
    ),
  )
    .description('start a cluster, or resume one')
    .option('--nodes <n>', 'number of nodes (default 1; a resumed cluster keeps its own)', integer('--nodes', 0, 5000))
    .addOption(
      new Option(
        '--runtime <runtime>',
        'what runs containers: simulated, nothing does (the default); cri, containerd on real nodes, with Linux and root; auto, as before',
      )
        .choices(['simulated', 'cri', 'auto'])
        .default('auto'),
    )
    .option('--data <dir>', 'where to keep the data')
    .option('--ephemeral', 'keep nothing: no fsync, data removed at the end')
    .option(
      '--port <port>',
      'HTTPS port of the API server; 0: a free one (default 6443, or a free one)',
      integer('--port', 0, 65_535),
    )
    .option('--host <address>', 'address the API server listens on', '127.0.0.1')
    .option(
      '--listen <address>',
      'address of this machine at which others join: the bus, with TLS, and the API server listen there too; none: no more (kept for later starts)',
    )
    .option('--only <components>', `a subset: ${COMPONENTS.join(',')}`, list)
    .option('--disable-admission <plugins>', 'admission plugins to leave out: ServiceAccount,PodSecurity,...', list)
    .option('--enable-admission <plugins>', 'admission plugins to add: PodNodeSelector,AlwaysPullImages,...', list)
    .addOption(addons())
    .option(
      '--scheduler-config <file>',
      'KubeSchedulerConfiguration: profiles, plugins, extenders (kept for later starts)',
    )
    .option(
      '--encryption-config <file>',
      'EncryptionConfiguration: which resources the API servers encrypt in the store, and how (kept for later starts)',
    )
    .option(
      '--service-cluster-ip-range <ranges>',
      'where addresses of services come from: one range, or one of each family (default 10.96.0.0/16)',
      list,
    )
    .option(
      '--cluster-cidr <ranges>',
      'where addresses of pods come from: one range, or one of each family; a node gets a /24 or /64 of it (default 10.244.0.0/16)',
      list,
    )
    .option(
      '--node-cidr-mask-size-ipv4 <bits>',
      "size of a node's part of the IPv4 range (default 24)",
      integer('--node-cidr-mask-size-ipv4', 1, 32),
    )
    .option(
      '--node-cidr-mask-size-ipv6 <bits>',
      "size of a node's part of the IPv6 range (default 64)",
      integer('--node-cidr-mask-size-ipv6', 1, 128),
    )
    .option(
      '--load-balancer-range <ranges>',
      'where load balancers of --addons cloud get addresses of this machine: one range, or one of each family (default 127.x.y.0/24 by the port; with real nodes a private one)',
      list,
    )
    .option(
      '--etcd-port <port>',
      "have the store speak etcd's own protocol (gRPC, mTLS) on this port too; 0: a free one (kept for later starts)",
      integer('--etcd-port', 0, 65_535),
    )
    .option('-d, --detach', 'run in the background')
    .option('--wait', 'return (or report) only when all nodes are Ready')
    .option('-q, --quiet', 'no progress')
    .addHelpText(
      'after',
      `
With --runtime cri each node is a set of namespaces of this machine with a containerd of its own; --nodes counts these then.
What is missing is installed from Debian packages, and a containerd or Docker of the machine is left alone. Images come from
registries or by kubus load. At the end, and after kill -9 by the next up, down or list, nothing is left on the machine.
` +
        '\nExamples:\n  kubus up --nodes 3 --detach --wait\n  sudo ./kubus up --runtime cri --nodes 3      real containers, networks and services\n  kubus up --name ci --only etcd,apiserver --ephemeral --port 0\n  kubus up --disable-admission ServiceAccount\n  kubus up --listen 192.0.2.7                  machines join there: kubus token create says how\n  kubus up --addons dns,ingress,metrics        with names of services, and HTTP from outside\n  kubus up --only etcd --etcd-port 2379        an etcd for another API server\n  kubus up --authentication-config issuers.yaml          users of an OpenID Connect issuer, see SECURITY.md',
    )
    .action(async (options: unknown) => (await import('../commands/up.ts')).up(options as never));
  named(program.command('down'))
    .description('stop a cluster; its data stays unless told otherwise')
    .option('--delete-data', 'remove its data too')
    .addHelpText('after', '\nExamples:\n  kubus down\n  kubus down --name second --delete-data')
    .action(async (options: unknown) => (await import('../commands/down.ts')).down(options as never));
  json(named(program.command('status')))
    .description("each component's current state")
    .addHelpText('after', '\nExamples:\n  kubus status\n  kubus status --name second --output json')
    .action(async (options: unknown) => (await import('../commands/status.ts')).status(options as never));
  json(program.command('list'))
    .description('the clusters of this machine')
    .addHelpText('after', '\nExample:\n  kubus list --output json')
    .action(async (options: unknown) => (await import('../commands/list.ts')).list(options as never));
  named(program.command('kubeconfig'))
    .description("print the cluster's kubeconfig")
    .addHelpText('after', '\nExample:\n  kubus kubeconfig > /tmp/k && KUBECONFIG=/tmp/k kubectl get nodes')
    .action(async (options: unknown) => (await import('../commands/kubeconfig.ts')).kubeconfig(options as never));
}
