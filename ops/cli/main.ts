#!/usr/bin/env node
/** The `kubus` command. Commands are imported when they are used: start-up time is part of the product. */
import { isMainThread } from 'node:worker_threads';
import { Command, CommanderError, Option } from 'commander';
import { printError, UserError } from './output.ts';

const VERSION = '0.1.0';
const program = new Command('kubus')
  .description('A complete Kubernetes cluster whose every component is an XState actor, and whose only wire is NATS.')
  .version(VERSION, '-V, --version')
  .exitOverride()
  .enablePositionalOptions()
  .showHelpAfterError('(see: kubus help)')
  .addHelpText(
    'after',
    `
Examples:
  kubus up --nodes 3               a cluster of three simulated nodes, until Ctrl-C
  kubus up --detach --wait         the same in the background, back when all nodes are Ready
  kubus kubectl get pods -A        kubectl with this cluster's kubeconfig
  kubus status                     what each component is doing
  kubus down                       stops it; the data stays for the next up`,
  );
const named = (command: Command): Command =>
  command.option('-n, --name <name>', 'name of the cluster', process.env['KUBUS_NAME'] ?? 'kubus');
const json = (command: Command): Command =>
  command.addOption(new Option('-o, --output <format>', 'json, for scripts').choices(['json', 'text']).default('text'));
const list = (value: string): string[] =>
  value
    .split(',')
    .map((v) => v.trim())
    .filter((v) => v !== '');
const collect = (value: string, before: string[] = []): string[] => [...before, value];
const integer =
  (what: string, min: number, max: number) =>
  (value: string): number => {
    const n = Number(value);
    if (!Number.isInteger(n) || n < min || n > max)
      throw new UserError(`${what} must be a whole number from ${min} to ${max}, not "${value}"`, 2);
    return n;
  };

named(program.command('up'))
  .description('start a cluster, or resume one')
  .option('--nodes <n>', 'number of nodes (default 1; a resumed cluster keeps its own)', integer('--nodes', 0, 5000))
  .addOption(
    new Option('--runtime <runtime>', 'what runs containers').choices(['simulated', 'cri', 'auto']).default('auto'),
  )
  .option('--data <dir>', 'where to keep the data')
  .option('--ephemeral', 'keep nothing: no fsync, data removed at the end')
  .option(
    '--port <port>',
    'HTTPS port of the API server; 0: a free one (default 6443, or a free one)',
    integer('--port', 0, 65_535),
  )
  .option('--host <address>', 'address the API server listens on', '127.0.0.1')
  .option('--only <components>', 'a subset: etcd,apiserver,controller-manager,scheduler,nodes', list)
  .option('--disable-admission <plugins>', 'admission plugins to leave out: ServiceAccount,PodSecurity,...', list)
  .option('-d, --detach', 'run in the background')
  .option('--wait', 'return (or report) only when all nodes are Ready')
  .option('-q, --quiet', 'no progress')
  .addHelpText(
    'after',
    '\nExamples:\n  kubus up --nodes 3 --detach --wait\n  kubus up --name ci --only etcd,apiserver --ephemeral --port 0\n  kubus up --disable-admission ServiceAccount',
  )
  .action(async (options: unknown) => (await import('./commands/up.ts')).up(options as never));
named(program.command('down'))
  .description('stop a cluster; its data stays unless told otherwise')
  .option('--delete-data', 'remove its data too')
  .addHelpText('after', '\nExamples:\n  kubus down\n  kubus down --name second --delete-data')
  .action(async (options: unknown) => (await import('./commands/down.ts')).down(options as never));
json(named(program.command('status')))
  .description("each component's current state")
  .addHelpText('after', '\nExamples:\n  kubus status\n  kubus status --name second --output json')
  .action(async (options: unknown) => (await import('./commands/status.ts')).status(options as never));
json(program.command('list'))
  .description('the clusters of this machine')
  .addHelpText('after', '\nExample:\n  kubus list --output json')
  .action(async (options: unknown) => (await import('./commands/list.ts')).list(options as never));
named(program.command('kubeconfig'))
  .description("print the cluster's kubeconfig")
  .addHelpText('after', '\nExample:\n  kubus kubeconfig > /tmp/k && KUBECONFIG=/tmp/k kubectl get nodes')
  .action(async (options: unknown) => (await import('./commands/kubeconfig.ts')).kubeconfig(options as never));
named(program.command('run'))
  .description('run components in this process against a bus')
  .argument('<component...>', 'etcd, apiserver, controller-manager, scheduler, nodes')
  .option('--nats <urls>', 'URL of the bus, several with commas (default: those in the credentials)')
  .option(
    '--data <dir>',
    "a folder with cluster.json and the components' credentials and keys (default: that of --name)",
  )
  .option('--host <address>', 'address the API server listens on', '127.0.0.1')
  .option(
    '--port <port>',
    "its port (default: the cluster's; API servers of one cluster share it)",
    integer('--port', 1, 65_535),
  )
  .option('--node <name>', 'with nodes: run a node of this name (repeatable; default: those of cluster.json)', collect)
  .option('--token <token>', 'with nodes and one --node: join a cluster by a token, see kubus token create')
  .option('--ca <file>', 'with --token: PEM of the authority of the bus, where it has TLS')
  .option('--log <file>', 'log file, - for standard error (default: a new one in logs/ of the folder)')
  .option(
    '--health <port>',
    'answer GET /healthz on this port of 127.0.0.1: 200 while all components serve',
    integer('--health', 1, 65_535),
  )
  .addHelpText(
    'after',
    '\nExamples:\n  kubus run scheduler                        one more scheduler for the cluster that is up here\n  kubus run apiserver etcd --data /secrets --nats nats://10.0.0.1:4222,nats://10.0.0.2:4222 --host 0.0.0.0\n  kubus run nodes --node worker-1 --node worker-2 --log -',
  )
  .action(async (components: string[], options: unknown) =>
    (await import('./commands/run.ts')).run(components, options as never),
  );
json(named(program.command('scale')))
  .description('have more or fewer replicas of components, or nodes, while the cluster runs')
  .argument('<component=n...>', 'etcd, apiserver, controller-manager, scheduler, nodes')
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
    (await import('./commands/scale.ts')).scale(wishes, options as never),
  );
json(named(program.command('restart')))
  .description('replace the replicas of components one by one, without a failed request')
  .argument('<component...>', 'etcd, apiserver, controller-manager, scheduler')
  .addHelpText(
    'after',
    '\nExamples:\n  kubus restart apiserver\n  kubus restart etcd apiserver controller-manager scheduler --output json',
  )
  .action(async (components: string[], options: unknown) =>
    (await import('./commands/scale.ts')).restart(components, options as never),
  );
json(named(program.command('init')))
  .description('make keys, credentials and configurations for a cluster whose processes run apart')
  .option('--data <dir>', 'the folder to make them in: one folder a role, each for its processes alone', 'cluster')
  .option('--hosts <names>', 'names and addresses under which clients reach the API servers', list, ['127.0.0.1'])
  .option('--port <port>', 'port under which they reach them', integer('--port', 1, 65_535), 6443)
  .option('--nats <hosts>', 'host or host:port of each nats-server: 1, 3 or 5', list, ['nats-1', 'nats-2', 'nats-3'])
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
  kubus balance --listen 0.0.0.0:6443 --to apiserver-1:6443,apiserver-2:6443 --ca /cluster/balancer/pki/ca.crt`,
  )
  .action(async (options: unknown) => (await import('./commands/init.ts')).init(options as never));
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
  .action(async (options: unknown) => (await import('./commands/balance.ts')).balance(options as never));
const token = program.command('token').description('bootstrap tokens, with which machines join as nodes');
json(named(token.command('create')))
  .description('make one; prints what to type on the machine that joins')
  .option('--ttl <duration>', 'how long it is good: 30m, 24h, 7d', '24h')
  .option('--description <text>', 'what it is for')
  .option('--data <dir>', "a folder with the administrator's credential (default: that of --name)")
  .option('--to <file>', 'keep it in this file; a good one that is there stays')
  .addHelpText('after', '\nExamples:\n  kubus token create\n  kubus token create --ttl 30m --output json')
  .action(async (options: unknown) => (await import('./commands/token.ts')).create(options as never));
json(named(token.command('list')))
  .description('those that there are, without their secrets')
  .addHelpText('after', '\nExample:\n  kubus token list')
  .action(async (options: unknown) => (await import('./commands/token.ts')).list(options as never));
named(token.command('delete'))
  .description('nobody joins by it any more; nodes that have joined stay')
  .argument('<id>', 'its id: the part before the dot')
  .addHelpText('after', '\nExample:\n  kubus token delete abcdef')
  .action(async (id: string, options: unknown) => (await import('./commands/token.ts')).remove(id, options as never));
named(program.command('node').description('nodes that joined by a token').command('revoke'))
  .description('cuts a node off at once and for good: its key and its name are refused until the Node is deleted')
  .argument('<name>', 'name of the node')
  .addHelpText('after', '\nExample:\n  kubus node revoke worker-1')
  .action(async (node: string, options: unknown) =>
    (await import('./commands/node.ts')).revoke(node, options as never),
  );
named(program.command('logs'))
  .description('logs of the components')
  .argument('[component]', 'apiserver, controllers, nats-server, up; default: all')
  .option('-f, --follow', 'go on as they are written')
  .option('--tail <lines>', 'this many last lines', integer('--tail', 0, 1_000_000))
  .option('--raw', 'the JSON lines as they are')
  .addHelpText('after', '\nExamples:\n  kubus logs --tail 20 --follow\n  kubus logs apiserver --raw | grep error')
  .action(async (component: string | undefined, options: unknown) =>
    (await import('./commands/logs.ts')).logs(component, options as never),
  );
const charts = program
  .command('machines')
  .description('the state machines of the components')
  .argument('[machine]', 'print one of them; without: list them')
  .addOption(
    new Option('-o, --output <format>', 'mermaid, or the JSON that the XState visualizer opens')
      .choices(['mermaid', 'json', 'text'])
      .default('text'),
  )
  .addHelpText(
    'after',
    '\nExamples:\n  kubus machines\n  kubus machines pod --output mermaid\n  kubus machines export --out charts',
  )
  .action(async (machine: string | undefined, options: unknown) =>
    (await import('./commands/machines.ts')).machines(machine, options as never),
  );
json(charts.command('export'))
  .description('write the state machines to files: JSON for the XState and Stately editors, Mermaid for documents')
  .argument('[machine...]', 'which; default: all')
  .option('--out <folder>', 'where to', 'machines')
  .addOption(new Option('--format <format>', 'what to write').choices(['json', 'mermaid', 'all']).default('all'))
  .addHelpText(
    'after',
    '\nExamples:\n  kubus machines export\n  kubus machines export pod key --format mermaid --out docs',
  )
  .action(async (names: string[], options: unknown) =>
    (await import('./commands/machines.ts')).exportMachines(names, options as never),
  );
json(named(program.command('inspect')))
  .description("a page that shows the cluster's state machines at work, and steers them")
  .option(
    '--port <port>',
    'HTTPS port of the page; 0: a free one (default 7443, or a free one)',
    integer('--port', 0, 65_535),
  )
  .option('--listen <address>', 'address that the page listens on', '127.0.0.1')
  .option('--no-open', 'do not open a browser')
  .option('--url', 'print an address that logs in to the inspector that runs')
  .option(
    '--stately [port]',
    'a plain port on the loopback for @statelyai/inspect and the hosted XState visualizer (default 8080; 0: a free one)',
    integer('--stately', 0, 65_535),
  )
  .option('--data <dir>', "the cluster's folder (default: that of --name)")
  .option('--apiserver <url>', 'where bearer tokens are checked (default: the API server on this machine)')
  .addHelpText(
    'after',
    '\nExamples:\n  kubus inspect\n  kubus inspect --url\n  kubus inspect --stately --no-open\n  kubus inspect --listen 0.0.0.0 --port 7443 --apiserver https://apiserver:6443',
  )
  .action(async (options: unknown) => (await import('./commands/inspect.ts')).inspect(options as never));
json(program.command('chaos'))
  .description('kill, stop and cut off parts of a throw-away cluster, and check what its clients saw')
  .option('--seed <n>', 'which faults, when: a number, or a range such as 1..20, one run each', '1')
  .option('--seconds <n>', 'how long each run takes', integer('--seconds', 1, 86_400), 30)
  .option('--faults <kinds>', 'kill, pause, partition, slow, quorum', list, [
    'kill',
    'pause',
    'partition',
    'slow',
    'quorum',
  ])
  .option('--nats <n>', 'nats-servers: 1 or 3', integer('--nats', 1, 3), 3)
  .option('--writers <n>', 'clients that read and write at once', integer('--writers', 1, 256), 8)
  .option('--kubectl', 'somebody works with kubectl all the while')
  .option('--report <file>', 'write a page of HTML with what happened when')
  .addHelpText(
    'after',
    '\nExit status 1 where a check fails. The same seed makes the same schedule of faults.\n\nExamples:\n  kubus chaos --seed 7 --report chaos.html\n  kubus chaos --seed 1..20 --seconds 60 --faults kill,quorum --output json',
  )
  .action(async (options: unknown) => (await import('./commands/chaos.ts')).chaos(options as never));
json(program.command('doctor'))
  .description('check what kubus needs on this machine')
  .addHelpText('after', '\nExample:\n  kubus doctor')
  .action(async (options: unknown) => (await import('./commands/doctor.ts')).doctor(options as never));
program
  .command('test')
  .description('set up and run the tests (handled by the launcher: ./kubus test [vitest options])')
  .addHelpText('after', '\nExamples:\n  ./kubus test\n  ./kubus test actors/etcd')
  .action(() => {
    throw new UserError('run the tests from a checkout: ./kubus test');
  });
program
  .command('completion')
  .description('print a completion script for a shell')
  .argument('<shell>', 'bash, zsh or fish')
  .addHelpText('after', '\nExample:\n  source <(kubus completion bash)')
  .action(async (shell: string) => (await import('./commands/completion.ts')).completion(shell, program));
json(program.command('version'))
  .description('versions of kubus and of the Kubernetes API it serves')
  .addHelpText('after', '\nExample:\n  kubus version --output json')
  .action(async (options: unknown) => (await import('./commands/version.ts')).version(VERSION, options as never));
program
  .command('kubectl')
  .description("kubectl with this cluster's kubeconfig (options of kubus before, of kubectl after)")
  // Without the short form that the other commands have: -n is kubectl's own.
  .option('--name <name>', 'name of the cluster', process.env['KUBUS_NAME'] ?? 'kubus')
  .argument('[args...]')
  .allowUnknownOption()
  .passThroughOptions()
  .helpOption(false)
  .addHelpText(
    'after',
    '\nExamples:\n  kubus kubectl get pods -A\n  kubus kubectl --name second -n kube-system get pods',
  )
  .action(async (args: string[], options: unknown) =>
    (await import('./commands/kubectl.ts')).kubectl(args, options as never),
  );
// What the supervisor starts; nobody types it.
program
  .command('process', { hidden: true })
  .requiredOption('--spec <json>')
  .action(async (options: { spec: string }) => (await import('../process/orders.ts')).runSupervised(options.spec));

// Who reads our output may stop reading (`kubus logs | head`); a cluster goes on all the same.
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE' && !['up', 'run'].includes(process.argv[2] ?? '')) process.exit(0);
  });
// Of a thread, the supervisor hears by itself.
if (isMainThread)
  process.on('uncaughtException', (error) => {
    failWith(error);
    process.exit();
  });
try {
  await program.parseAsync();
} catch (error) {
  failWith(error);
  // Whatever is still open belongs to what failed.
  if (isMainThread) process.exit();
  throw error;
}
/** One line of cause and next step, and the exit status: 2 for what was typed wrong, 1 for the rest. */
function failWith(error: unknown): void {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else if ((error as { name?: string }).name === 'UserError') {
    printError(`kubus: ${(error as Error).message}`);
    process.exitCode = (error as UserError).exitCode;
  } else {
    const { message, stack } = error instanceof Error ? error : new Error(String(error));
    printError(`kubus: ${process.env['KUBUS_DEBUG'] ? stack : message} (KUBUS_DEBUG=1 shows where)`);
    process.exitCode = 1;
  }
}
