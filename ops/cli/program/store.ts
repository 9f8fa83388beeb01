import { type Command, Option } from 'commander';
import { integer, json, named } from './options.ts';

/** etcd. */
export function addStore(program: Command): void {
  const etcd = program
    .command('etcd')
    .description("what the store holds, past the API: read only; for more, open etcd's own door: kubus up --etcd-port")
    .addHelpText(
      'after',
      '\nExamples:\n  kubus etcd list /registry/pods/\n  kubus etcd get /registry/pods/default/web\n  kubus etcd status',
    );
  const located = (command: Command): Command =>
    named(command).option('--data <dir>', "the cluster's folder (default: that of --name)");
  const reading = (command: Command): Command =>
    located(command)
      .option('--limit <n>', 'no more than this many keys', integer('--limit', 1, 1_000_000))
      .option('--revision <n>', 'as it was at this revision', integer('--revision', 1, 999_999_999));
  reading(etcd.command('get'))
    .description('what is stored under a key, as YAML: objects of Kubus, of a stock kube-apiserver, or text')
    .argument('<key>', 'as in /registry/<resource>/<namespace>/<name>')
    .option('--prefix', 'all keys that begin with it')
    .addOption(
      new Option('-o, --output <format>', 'yaml, json for scripts, or raw: the bytes as they are stored')
        .choices(['yaml', 'json', 'raw'])
        .default('yaml'),
    )
    .addHelpText(
      'after',
      `
Secrets are shown as they are stored. Encrypted values are not opened: provider and name of the key are told.

Examples:
  kubus etcd get /registry/configmaps/kube-system/extension-apiserver-authentication
  kubus etcd get /registry/secrets/ --prefix --limit 10
  kubus etcd get /registry/pods/default/web --revision 1200 --output json`,
    )
    .action(async (key: string, options: unknown) => (await import('../commands/etcd.ts')).get(key, options as never));
  json(reading(etcd.command('list')))
    .description('the keys that begin with a prefix')
    .argument('[prefix]', 'default: all keys', '')
    .addHelpText('after', '\nExamples:\n  kubus etcd list /registry/pods/\n  kubus etcd list --limit 20 --output json')
    .action(async (prefix: string, options: unknown) =>
      (await import('../commands/etcd.ts')).list(prefix, options as never),
    );
  json(located(etcd.command('status')))
    .description('the revision of the store, from which one on it can be read, how much it holds, and its etcd address')
    .addHelpText('after', '\nExamples:\n  kubus etcd status\n  kubus etcd status --output json')
    .action(async (options: unknown) => (await import('../commands/etcd.ts')).status(options as never));
}
