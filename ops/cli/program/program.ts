import { Command } from 'commander';
import { addClusters } from './clusters.ts';
import { addComponents } from './components.ts';
import { addExplain } from './explain.ts';
import { addInsight } from './insight.ts';
import { addJoining } from './joining.ts';
import { VERSION } from './options.ts';
import { addRest } from './rest.ts';
import { addStore } from './store.ts';

/**
 * The whole command line. Its commands are imported when they are used: start-up time is part of the product. What is
 * typed wrong is thrown: a CommanderError after its message was printed, or a UserError.
 */
export function createProgram(): Command {
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
  for (const add of [addClusters, addComponents, addJoining, addInsight, addExplain, addStore, addRest]) add(program);
  return program;
}
