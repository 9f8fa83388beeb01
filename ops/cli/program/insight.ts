import { type Command, Option } from 'commander';
import { integer, json, list, named } from './options.ts';
import { FAULTS } from '../../chaos/schedule.ts';
import { SCENARIO_NAMES as SCENARIOS } from '../../chaos/simulated/scenario-names.ts';

/** logs, machines, inspect, chaos, doctor. */
export function addInsight(program: Command): void {
  named(program.command('logs'))
    .description('logs of the components')
    .argument('[component]', 'apiserver, controllers, nats-server, up; default: all')
    .option('-f, --follow', 'go on as they are written')
    .option('--tail <lines>', 'this many last lines', integer('--tail', 0, 1_000_000))
    .option('--raw', 'the JSON lines as they are')
    .addHelpText('after', '\nExamples:\n  kubus logs --tail 20 --follow\n  kubus logs apiserver --raw | grep error')
    .action(async (component: string | undefined, options: unknown) =>
      (await import('../commands/logs.ts')).logs(component, options as never),
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
      (await import('../commands/machines.ts')).machines(machine, options as never),
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
      (await import('../commands/machines.ts')).exportMachines(names, options as never),
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
    .action(async (options: unknown) => (await import('../commands/inspect.ts')).inspect(options as never));
  json(program.command('chaos'))
    .description('kill, stop and cut off parts of a throw-away cluster, and check what its clients saw')
    .option('--simulated', 'whole clusters in simulated time, each run the same for the same seed; see --scenario')
    .option('--seed <n>', 'which faults, when: a number, or a range such as 1..20, one run each', '1')
    .option('--seconds <n>', 'how long each run takes', integer('--seconds', 1, 86_400), 30)
    .option('--faults <kinds>', FAULTS.join(', '), list, [...FAULTS])
    .option('--nats <n>', 'nats-servers: 1 or 3', integer('--nats', 1, 3), 3)
    .option('--writers <n>', 'clients that read and write at once', integer('--writers', 1, 256), 8)
    .option('--kubectl', 'somebody works with kubectl all the while')
    .option('--report <file>', 'write a page of HTML with what happened when')
    .option('--scenario <names>', `with --simulated, what users do: ${SCENARIOS.join(', ')} (default all)`, list)
    .option('--jobs <n>', 'with --simulated, threads (default one a processor)', integer('--jobs', 1, 256))
    .option('--trace', 'with --simulated, tell all that happens in one run: faults, what is committed, what is logged')
    .addHelpText(
      'after',
      '\nExit status 1 where a check fails. The same seed makes the same schedule of faults; with --simulated, where nothing but the\nseed decides, the same history byte for byte. Checked there at every revision: no object with two controllers, no pod bound\ntwice, no ordinal of a StatefulSet twice, completions counted once, quotas and budgets kept, one leader a term; and in the\nend: all as it was asked for, no orphans, API servers that show what the store holds, and quiet.\n\nExamples:\n  kubus chaos --seed 7 --report chaos.html\n  kubus chaos --seed 1..20 --seconds 60 --faults kill,quorum --output json\n  kubus chaos --simulated --scenario rollout --seed 1..1000\n  kubus chaos --simulated --seed 4711 --scenario jobs --trace',
    )
    .action(async (options: unknown) => (await import('../commands/chaos.ts')).chaos(options as never));
  json(program.command('doctor'))
    .description('check what kubus needs on this machine')
    .addOption(
      new Option('--runtime <runtime>', 'cri: fail where real nodes could not be had')
        .choices(['simulated', 'cri'])
        .default('simulated'),
    )
    .option('--install', 'first install the Debian packages that real nodes need and this machine lacks (root)')
    .addHelpText(
      'after',
      '\nExamples:\n  kubus doctor\n  sudo kubus doctor --runtime cri\n  sudo kubus doctor --runtime cri --install',
    )
    .action(async (options: unknown) => (await import('../commands/doctor.ts')).doctor(options as never));
}
