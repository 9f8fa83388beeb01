import { Option, type Command } from 'commander';
import { json, named } from './options.ts';

/** token, node. */
export function addJoining(program: Command): void {
  const token = program
    .command('token')
    .description('bootstrap tokens, with which machines join as nodes')
    .addHelpText(
      'after',
      '\nExamples:\n  kubus token create --ttl 30m\n  kubus token list\n  kubus token delete abcdef',
    );
  json(named(token.command('create')))
    .description('make one; prints what to type on the machine that joins')
    .option('--ttl <duration>', 'how long it is good: 30m, 24h, 7d', '24h')
    .option('--description <text>', 'what it is for')
    .option('--data <dir>', "a folder with the administrator's credential (default: that of --name)")
    .option('--to <file>', 'keep it in this file; a good one that is there stays')
    .addHelpText('after', '\nExamples:\n  kubus token create\n  kubus token create --ttl 30m --output json')
    .action(async (options: unknown) => (await import('../commands/token.ts')).create(options as never));
  json(named(token.command('list')))
    .description('those that there are, without their secrets')
    .addHelpText('after', '\nExample:\n  kubus token list')
    .action(async (options: unknown) => (await import('../commands/token.ts')).list(options as never));
  named(token.command('delete'))
    .description('nobody joins by it any more; nodes that have joined stay')
    .argument('<id>', 'its id: the part before the dot')
    .addHelpText('after', '\nExample:\n  kubus token delete abcdef')
    .action(async (id: string, options: unknown) =>
      (await import('../commands/token.ts')).remove(id, options as never),
    );
  const node = program
    .command('node')
    .description('nodes: of this machine, and those that joined by a token')
    .addHelpText(
      'after',
      '\nExamples:\n  kubus node add\n  kubus node remove kubus-worker-2\n  kubus node revoke worker-1',
    );
  named(node.command('add'))
    .description('one more node in a cluster that kubus up runs here')
    .argument('[node]', 'name of a real node (default: the next, kubus-worker-3)')
    .addOption(
      new Option('--runtime <runtime>', 'what runs its containers (default: as in kubus up)').choices([
        'simulated',
        'cri',
      ]),
    )
    .addHelpText(
      'after',
      `
A real node (cri) is a set of namespaces of this machine with a containerd of its own; the cluster must have been started
with --runtime cri. To remove it: kubus node remove.

Examples:
  kubus node add
  kubus node add big --runtime cri`,
    )
    .action(async (name: string | undefined, options: unknown) =>
      (await import('../commands/node.ts')).add(name, options as never),
    );
  named(node.command('remove'))
    .description('drain and end a node that kubus up runs here, with its files')
    .argument('<node>', 'its name')
    .addHelpText(
      'after',
      `
It is cordoned and its pods are evicted, within disruption budgets for at most 30 s; what is left then ends with it.

Example:
  kubus node remove kubus-worker-2`,
    )
    .action(async (name: string, options: unknown) =>
      (await import('../commands/node.ts')).remove(name, options as never),
    );
  named(node.command('revoke'))
    .description('cuts a node off at once and for good: its key and its name are refused until the Node is deleted')
    .argument('<name>', 'name of the node')
    .addHelpText('after', '\nExample:\n  kubus node revoke worker-1')
    .action(async (name: string, options: unknown) =>
      (await import('../commands/node.ts')).revoke(name, options as never),
    );
}
