import { spawn } from 'node:child_process';

/** One thing that somebody did with kubectl, with as many attempts as it took. */
export interface Command {
  readonly what: string;
  readonly from: number;
  readonly to: number;
  /** What each attempt that failed said. */
  readonly failures: readonly string[];
  readonly succeeded: boolean;
}
const MANIFEST = (turn: number): string =>
  JSON.stringify({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'chaos-kubectl', namespace: 'default' },
    spec: {
      replicas: 1 + (turn % 3),
      selector: { matchLabels: { app: 'chaos-kubectl' } },
      template: {
        metadata: { labels: { app: 'chaos-kubectl' }, annotations: { turn: String(turn) } },
        spec: { containers: [{ name: 'web', image: 'web' }], terminationGracePeriodSeconds: 0 },
      },
    },
  });
/** A person tries again; this often and that long, then it does not work. */
const MAX_ATTEMPTS = 5;
const ATTEMPT_MS = 60_000;

/** Applies, reads and follows a rollout, again and again, as a person at a terminal would, until it is told to stop. */
export async function useKubectl(kubectl: string, kubeconfig: string, signal: AbortSignal): Promise<Command[]> {
  const commands: Command[] = [];
  for (let turn = 1; !signal.aborted; turn++) {
    const wishes: readonly (readonly [readonly string[], string?])[] = [
      [['apply', '-f', '-'], MANIFEST(turn)],
      [['get', 'deployments,pods,nodes', '-o', 'name']],
      [['rollout', 'status', 'deployment/chaos-kubectl', '--timeout=45s']],
    ];
    for (const [args, input] of wishes) {
      if (signal.aborted) break;
      const from = performance.now();
      const failures: string[] = [];
      let succeeded = false;
      while (!succeeded && failures.length < MAX_ATTEMPTS) {
        const said = await run(kubectl, ['--kubeconfig', kubeconfig, ...args], input);
        if (said === undefined) succeeded = true;
        else failures.push(said);
      }
      commands.push({ what: `kubectl ${args.join(' ')}`, from, to: performance.now(), failures, succeeded });
    }
  }
  return commands;
}

/** undefined where it ended well, else what it said. */
function run(command: string, args: readonly string[], input = ''): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ['pipe', 'ignore', 'pipe'] });
    let said = '';
    const timer = setTimeout(() => child.kill('SIGKILL'), ATTEMPT_MS);
    child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
    child.stdin.on('error', () => undefined);
    child.once('error', (error) => resolve(error.message));
    child.once('close', (status, killed) => {
      clearTimeout(timer);
      resolve(status === 0 ? undefined : said.trim() || `ended with ${killed ?? status}`);
    });
    child.stdin.end(input);
  });
}
