import { readdirSync, readFileSync } from 'node:fs';
import { eventually, within, type TestCluster } from '../../testing/cluster.ts';
import { childOf } from '../../process/inner-process.ts';
import { ask, nodesOf, toolsOn, type Check } from './checks.ts';

/** Runs of the pods' containers, by pod, and where the pods are. */
interface Runs {
  readonly restarts: number;
  readonly pods: readonly string[];
}
/** Processes of this machine (nodes are inside it) whose command line holds all of these. */
const find = (...parts: string[]): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      const command = commandOf(pid);
      return !command.startsWith('nsenter') && parts.every((part) => command.includes(part));
    });
/** The node agent's. */
export const agentOf = (node: string): number[] => find('process --spec', `"name":"${node}"`);

/** What ends that is not supposed to: whoever depends on it hardly notices, and nobody has to do anything. */
export function faultChecks(cluster: TestCluster): Check[] {
  const { kubectl } = cluster;
  const runs = async (): Promise<Runs> => {
    const { items } = JSON.parse(await kubectl(['get', 'pods', '-o', 'json'])) as {
      items: { metadata: { name: string }; status: { containerStatuses?: { restartCount: number }[] } }[];
    };
    return {
      restarts: items.flatMap((p) => p.status.containerStatuses ?? []).reduce((sum, c) => sum + c.restartCount, 0),
      pods: items.map((p) => p.metadata.name),
    };
  };
  const isSame = (a: Runs, b: Runs): void => {
    if (JSON.stringify(a) !== JSON.stringify(b)) throw new Error(`${JSON.stringify(a)} became ${JSON.stringify(b)}`);
  };
  const answers = async (node: string): Promise<void> => {
    const page = await ask(cluster, toolsOn(node), 'http://web/cgi-bin/page');
    if (!page.includes('forty-two')) throw new Error(`${node} got: ${page}`);
  };
  const works = (node: string): Promise<unknown> =>
    eventually(`exec works on ${node}`, async () => {
      await kubectl(['exec', toolsOn(node), '--', 'echo']);
      return true;
    });
  return [
    {
      name: 'a node agent that is killed comes back, and containers go on',
      work: async () => {
        const [node = ''] = await nodesOf(cluster);
        const before = await runs();
        const old = agentOf(node);
        for (const pid of old) process.kill(pid, 'SIGKILL');
        await eventually('another agent', () => (agentOf(node).some((pid) => !old.includes(pid)) ? true : undefined));
        await works(node);
        await answers(node);
        isSame(before, await runs());
      },
    },
    {
      name: 'a containerd that is killed comes back, and containers go on',
      work: async () => {
        const before = await runs();
        const address = await kubectl(['get', 'pods', '-l', 'app=store', '-o', 'jsonpath={.items[0].status.podIP}']);
        for (const pid of find('containerd', '--config')) process.kill(pid, 'SIGKILL');
        const value = await (await fetch(`http://${address}:8080/value`)).text();
        if (value !== 'forty-two\n') throw new Error(`this machine got from the store: ${value}`);
        for (const one of await nodesOf(cluster)) await works(one);
        isSame(before, await runs());
      },
    },
    {
      name: 'a node whose power fails comes back with its pods',
      work: async () => {
        const [, , node = ''] = await nodesOf(cluster);
        const first = childOf(find('unshare', `machines/${node}`)[0]);
        if (first === undefined) throw new Error('it has no first process');
        process.kill(first, 'SIGKILL');
        await eventually('its agent', () => (agentOf(node).length > 0 ? true : undefined));
        await kubectl(['wait', '--for=condition=Ready', 'pod', toolsOn(node), within(60)]);
        await eventually('its pod was started again', async () => {
          const count = await kubectl(['get', 'pod', toolsOn(node), '-o', 'jsonpath={.status.containerStatuses[0].restartCount}']); // prettier-ignore
          return Number(count) > 0 ? true : undefined;
        });
        await works(node);
        // Pods that were on it have other addresses now; until that is told, connections to the old ones wait in vain.
        const answered = (): Promise<true | undefined> =>
          answers(node).then(
            () => true as const,
            () => undefined,
          );
        await eventually('the app answers again', answered, 60_000);
      },
    },
    {
      name: 'pods of a node that hangs are started elsewhere',
      work: async () => {
        const node = await kubectl(['get', 'pods', '-l', 'app=web', '-o', 'jsonpath={.items[0].spec.nodeName}']);
        const stopped = agentOf(node);
        for (const pid of stopped) process.kill(pid, 'SIGSTOP');
        try {
          await eventually(
            'three web pods on the others',
            async () => {
              const places = await kubectl(['get', 'pods', '-l', 'app=web', '--field-selector=status.phase=Running', '-o', 'jsonpath={range .items[*]}{.spec.nodeName}{" "}{.status.conditions[?(@.type=="Ready")].status}{"\\n"}{end}']); // prettier-ignore
              const elsewhere = places.trim().split('\n').filter((line) => !line.startsWith(node) && line.endsWith('True')); // prettier-ignore
              return elsewhere.length >= 3 ? true : undefined;
            },
            90_000,
          );
        } finally {
          for (const pid of stopped) process.kill(pid, 'SIGCONT');
        }
        await kubectl(['wait', '--for=condition=Ready', `node/${node}`, within(30)]);
      },
    },
  ];
}
function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}
