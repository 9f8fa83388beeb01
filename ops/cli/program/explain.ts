import type { Command } from 'commander';
import { clusterName, integer, json } from './options.ts';

/** explain. */
export function addExplain(program: Command): void {
  const explain = program
    .command('explain')
    .description('why something in the cluster is as it is')
    .addHelpText('after', '\nExamples:\n  kubus explain pod web-0\n  kubus explain pod web-0 -n shop --at 1200');
  json(explain.command('pod'))
    .description("where a pod may go: every node's verdict and scores, as of now or of any revision still in history")
    .argument('<name>', 'of the pod')
    // As kubectl has it; the cluster's name has no short form here.
    .option('-n, --namespace <namespace>', 'of the pod', 'default')
    .option('--name <name>', 'name of the cluster', clusterName())
    .option('--data <dir>', "the cluster's folder (default: that of --name)")
    .option('--at <revision>', 'as of this revision of the store', integer('--at', 1, 999_999_999))
    .addHelpText(
      'after',
      `
A pod that has its node is explained as of the revision before it got it. What the scheduler holds in memory alone is not
seen: pods that it has placed and not bound yet. Revisions: kubus etcd status tells from which one on there is history.

Examples:
  kubus explain pod web-0
  kubus explain pod web-0 -n shop --output json
  kubus explain pod web-0 --at 1200`,
    )
    .action(async (name: string, options: unknown) =>
      (await import('../commands/explain.ts')).explainPodCommand(name, options as never),
    );
}
