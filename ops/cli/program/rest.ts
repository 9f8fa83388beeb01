import { Argument, type Command } from 'commander';
import { clusterName, json, named, VERSION } from './options.ts';
import { UserError } from '../output.ts';

/** test, completion, load, version, kubectl, and what nobody types. */
export function addRest(program: Command): void {
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
    .addArgument(new Argument('<shell>', 'for which').choices(['bash', 'zsh', 'fish']))
    .addHelpText(
      'after',
      '\nExamples:\n  source <(kubus completion bash)\n  source <(kubus completion zsh)\n  kubus completion fish | source',
    )
    .action(async (shell: 'bash' | 'zsh' | 'fish') =>
      (await import('../commands/completion.ts')).completion(shell, program),
    );
  json(named(program.command('load')))
    .description('bring images from archives to the nodes: OCI layouts, or what docker save writes, gzipped or not')
    .argument('<archive...>', 'files')
    .option('--node <name...>', 'these nodes only (default: all)')
    .option('--data <dir>', "a folder with the administrator's credential (default: that of --name)")
    .addHelpText(
      'after',
      `
Pods find an image by its full name; docker save writes web:1 as docker.io/library/web:1, which is what "web:1" in a pod
means too. Nodes that come later need it again.

Examples:
  docker save web:1 > web.tar && kubus load web.tar
  kubus load web.tar db.tar.gz --node kubus-node-1`,
    )
    .action(async (files: string[], options: unknown) =>
      (await import('../commands/load.ts')).load(files, options as never),
    );
  json(program.command('version'))
    .description('versions of kubus and of the Kubernetes API it serves')
    .addHelpText('after', '\nExample:\n  kubus version --output json')
    .action(async (options: unknown) => (await import('../commands/version.ts')).version(VERSION, options as never));
  program
    .command('kubectl')
    .description("kubectl with this cluster's kubeconfig (options of kubus before, of kubectl after)")
    // Without the short form that the other commands have: -n is kubectl's own.
    .option('--name <name>', 'name of the cluster', clusterName())
    .argument('[args...]', 'what kubectl is told')
    .allowUnknownOption()
    .passThroughOptions()
    .helpOption(false)
    .addHelpText(
      'after',
      '\nExamples:\n  kubus kubectl get pods -A\n  kubus kubectl --name second -n kube-system get pods',
    )
    .action(async (args: string[], options: unknown) =>
      (await import('../commands/kubectl.ts')).kubectl(args, options as never),
    );
  // What a scheduler starts for a plugin of the user's own; nobody types it.
  program
    .command('scheduler-plugin', { hidden: true })
    .action(async () => (await import('../../process/scheduler-plugin/thread.ts')).servePlugin());
  // What the supervisor starts; nobody types it.
  program
    .command('process', { hidden: true })
    .requiredOption('--spec <json>')
    .action(async (options: { spec: string }) => (await import('../../process/orders.ts')).runSupervised(options.spec));
}
