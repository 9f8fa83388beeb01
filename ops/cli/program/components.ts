import { Option, type Command } from 'commander';
import {
  answeringNames,
  audited,
  authenticated,
  authorized,
  collect,
  inFlight,
  integer,
  json,
  list,
  named,
  proxying,
  scheduling,
  servingIngresses,
} from './options.ts';
import { SCALABLE } from '../../process/replicas.ts';
import { COMPONENTS } from '../../process/spec.ts';

/** run, scale, restart, init, balance. */
export function addComponents(program: Command): void {
  scheduling(
    servingIngresses(
      answeringNames(proxying(authenticated(authorized(audited(inFlight(named(program.command('run')))))))),
    ),
  )
    .description('run components in this process against a bus')
    .argument('<component...>', COMPONENTS.join(', '))
    .option('--nats <urls>', 'URL of the bus, several with commas (default: those in the credentials)')
    .option(
      '--data <dir>',
      "a folder with cluster.json and the components' credentials and keys (default: that of --name)",
    )
    .option('--host <address>', 'address the API server listens on', '127.0.0.1')
    .option(
      '--advertise-address <address>',
      'by which pods and nodes reach it (default: of a --host that is one address, that; of 0.0.0.0, the address towards the bus)',
    )
    .option(
      '--port <port>',
      "its port (default: the cluster's; API servers of one cluster share it)",
      integer('--port', 1, 65_535),
    )
    .option(
      '--node <name>',
      'with nodes: run a node of this name (repeatable; default: those of cluster.json)',
      collect,
    )
    .option(
      '--encryption-config <file>',
      "with apiserver: an EncryptionConfiguration instead of the folder's own (see kubus up)",
    )
    .option(
      '--encryption-provider-config-automatic-reload',
      'with --encryption-config: look every minute whether it has changed, and go by it then',
    )
    .option(
      '--etcd-port <port>',
      "with etcd: speak etcd's own protocol (gRPC, mTLS) on this port of --host too",
      integer('--etcd-port', 1, 65_535),
    )
    .option(
      '--config <file>',
      "with scheduler: a KubeSchedulerConfiguration instead of the cluster's own (see kubus up --scheduler-config)",
    )
    .option('--token <token>', 'with nodes and one --node: join a cluster by a token, see kubus token create')
    .addOption(
      new Option(
        '--runtime <runtime>',
        'with --token: cri makes this machine, or this privileged container, a node that runs containers (default: simulated)',
      ).choices(['simulated', 'cri']),
    )
    .option(
      '--node-ip <address>',
      'with --runtime cri: by which other nodes reach this one, or one of IPv4 and one of IPv6 with a comma between (default: that of its way out)',
    )
    .option('--ca <file>', 'with --token: PEM of the authority of the bus, where it has TLS')
    .option('--log <file>', 'log file, - for standard error (default: a new one in logs/ of the folder)')
    .option(
      '--health <port>',
      'answer GET /healthz on this port of 127.0.0.1: 200 while all components serve',
      integer('--health', 1, 65_535),
    )
    .addHelpText(
      'after',
      "\nExamples:\n  kubus run scheduler                        one more scheduler for the cluster that is up here\n  kubus run apiserver etcd --data /secrets --nats nats://10.0.0.1:4222,nats://10.0.0.2:4222 --host 0.0.0.0\n  kubus run dns --dns-port 5300               the cluster's name server, on a port of its own\n  kubus run ingress --ingress-http-port 8081 --ingress-https-port 8444   one more way in, on ports of its own\n  kubus run scheduler --config profiles.yaml --scheduler-plugin ./mine.ts\n  kubus run nodes --node worker-1 --node worker-2 --log -\n  sudo kubus run nodes --node big --nats nats://10.0.0.1:4222 --token abcdef.0123456789abcdef --runtime cri",
    )
    .action(async (components: string[], options: unknown) =>
      (await import('../commands/run.ts')).run(components, options as never),
    );
  json(named(program.command('scale')))
    .description('have more or fewer replicas of components, or nodes, while the cluster runs')
    .argument('<component=n...>', [...SCALABLE, 'nodes'].join(', '))
    .option('--wait', 'return when all of them serve, and those beyond have drained')
    .addHelpText(
      'after',
      `
The first replica is part of the process of kubus up, the others are processes of their own. All API servers answer at the
cluster's one address. What is taken away drains: it finishes what it was asked and cuts nothing off. Nodes that go are
cordoned and their pods evicted, within disruption budgets for at most 30 s. The cluster keeps the numbers: kubus up resumes
with them.

Examples:
  kubus scale apiserver=3 etcd=2 --wait
  kubus scale nodes=10
  kubus scale scheduler=0          pods wait until there is one again`,
    )
    .action(async (wishes: string[], options: unknown) =>
      (await import('../commands/scale.ts')).scale(wishes, options as never),
    );
  json(named(program.command('restart')))
    .description('replace the replicas of components one by one, without a failed request')
    .argument('<component...>', SCALABLE.join(', '))
    .addHelpText(
      'after',
      '\nExamples:\n  kubus restart apiserver\n  kubus restart etcd apiserver controller-manager scheduler --output json',
    )
    .action(async (components: string[], options: unknown) =>
      (await import('../commands/scale.ts')).restart(components, options as never),
    );
  authenticated(authorized(audited(json(named(program.command('init'))))))
    .description('make keys, credentials and configurations for a cluster whose processes run apart')
    .option('--data <dir>', 'the folder to make them in: one folder a role, each for its processes alone', 'cluster')
    .option('--hosts <names>', 'names and addresses under which clients reach the API servers', list, ['127.0.0.1'])
    .option('--port <port>', 'port under which they reach them', integer('--port', 1, 65_535), 6443)
    .addOption(
      new Option(
        '--addons <names>',
        'what you will run besides: with metrics it serves metrics.k8s.io, with cloud nodes wait until it has seen them (default metrics)',
      ).argParser(list),
    )
    .option('--nats <hosts>', 'host or host:port of each nats-server: 1, 3 or 5', list, ['nats-1', 'nats-2', 'nats-3'])
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
    .option('--encryption-config <file>', 'EncryptionConfiguration for the API servers: which resources they encrypt')
    .addHelpText(
      'after',
      `
It can be run again at any time: what is there and good stays, what is missing or about to expire is made. Every role's
folder holds what that role needs and nothing else. The folder "authority" holds the keys that sign all others: keep it
where no process of the cluster reads it.

Examples:
  kubus init --data /cluster --hosts kube.example.org,10.0.0.5 --nats nats-1,nats-2,nats-3
  nats-server -c /cluster/nats-1/nats-server.conf
  kubus run etcd --data /cluster/etcd --log -
  kubus run apiserver --data /cluster/apiserver --host 0.0.0.0
  kubus run certificate-signer --data /cluster/certificate-signer      signs what controllers approve, and is all that can
  kubus balance --listen 0.0.0.0:6443 --to apiserver-1:6443,apiserver-2:6443 --ca /cluster/balancer/pki/ca.crt`,
    )
    .action(async (options: unknown) => (await import('../commands/init.ts')).init(options as never));
  program
    .command('balance')
    .description('one address for several API servers: connections go to those that are ready')
    .requiredOption(
      '--to <hosts>',
      'host:port of the API servers; a name that stands for several counts as all of them',
      list,
    )
    .option('--listen <address>', 'address and port to listen on', '127.0.0.1:6443')
    .option('--ca <file>', "PEM of the cluster's authority: what calls itself an API server must prove it")
    .option('--health <port>', 'answer GET /healthz on this port of 127.0.0.1', integer('--health', 1, 65_535))
    .addHelpText(
      'after',
      `
It passes bytes on and holds no key: TLS is between client and API server. Names are looked up every second, so replicas
come and go as they like. Ctrl-C takes no new connection and waits for the others.

Example:
  kubus balance --listen 0.0.0.0:6443 --to apiserver:6443 --ca /cluster/balancer/pki/ca.crt`,
    )
    .action(async (options: unknown) => (await import('../commands/balance.ts')).balance(options as never));
}
