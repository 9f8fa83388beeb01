import type { Node, Pod } from '../../../schemas/generated/core-v1.ts';
import { eventually, type TestCluster } from '../../testing/cluster.ts';
import type { Check } from './checks.ts';
import { IMAGES } from './images.ts';

/** What every pod sees that has a place of its own. */
const SAYS = 'busybox cat /proc/self/uid_map; busybox touch /data/file && busybox stat -c %u /data/file';
const podOf = (name: string, script: string, spec: object, mount: object): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: {
    restartPolicy: 'Never',
    containers: [{ name: 'main', image: IMAGES.tools, command: ['sh', '-c', script], volumeMounts: [{ name: 'data', ...mount }] }],
    volumes: [{ name: 'data', emptyDir: {} }],
    ...spec,
  },
}); // prettier-ignore

/** What containerd can since 2, and what pods hear where it is older. */
export function newerRuntimeChecks({ kubectl }: TestCluster): Check[] {
  const read = async <T>(...what: string[]): Promise<T> => JSON.parse(await kubectl(['get', ...what, '-o', 'json'])) as T;
  const abilities = async () => {
    const { items } = await read<{ items: Node[] }>('nodes');
    return items[0]?.status?.runtimeHandlers?.find(({ name }) => (name ?? '') === '')?.features ?? {};
  };
  const run = (pod: object): Promise<string> => kubectl(['apply', '-f', '-'], JSON.stringify(pod));
  const ended = (name: string): Promise<string> =>
    eventually(`${name} has ended`, async () => {
      const { status } = await read<Pod>('pod', name);
      if (status?.phase === 'Succeeded') return kubectl(['logs', name]);
      throw new Error(JSON.stringify(status?.containerStatuses ?? status?.phase));
    });
  const heard = (name: string, text: string): Promise<true> =>
    eventually(`what ${name} hears`, async () => {
      const { items } = await read<{ items: { message?: string }[] }>('events', '--field-selector', `involvedObject.name=${name}`);
      return items.some(({ message = '' }) => message.includes(text)) ? true : undefined;
    });
  const end = (...names: string[]): Promise<string> => kubectl(['delete', 'pod', ...names, '--now']);
  return [
    {
      name: 'users of a pod’s own, another range for each, where the runtime can',
      work: async () => {
        for (const name of ['users-1', 'users-2']) await run(podOf(name, SAYS, { hostUsers: false }, { mountPath: '/data' }));
        if ((await abilities()).userNamespaces !== true) {
          await heard('users-1', "can't set `spec.hostUsers: false`, runtime does not support user namespaces");
          await end('users-1', 'users-2');
          return 'it cannot, and pods are told';
        }
        const said = await Promise.all(['users-1', 'users-2'].map(ended));
        const seen = said.map((text) => /^\s*0\s+(\d+)\s+65536\n0\n$/.exec(text)?.[1]);
        if (seen.includes(undefined) || seen[0] === seen[1]) throw new Error(said.join('; '));
        await end('users-1', 'users-2');
        return `from ${seen.join(' and ')}`;
      },
    },
    {
      name: 'a mount that is read-only however deep, where the runtime can',
      work: async () => {
        const mount = { mountPath: '/data', readOnly: true, recursiveReadOnly: 'Enabled' };
        await run(podOf('read-only', 'busybox touch /data/file || echo refused', {}, mount));
        if ((await abilities()).recursiveReadOnlyMounts !== true) {
          await heard('read-only', 'volume "data" requested recursive read-only mode, but it is not supported by the runtime');
          await end('read-only');
          return 'it cannot, and pods are told';
        }
        const said = await ended('read-only');
        const { status } = await read<Pod>('pod', 'read-only');
        const [shown] = status?.containerStatuses?.[0]?.volumeMounts ?? [];
        if (!said.includes('refused') || shown?.recursiveReadOnly !== 'Enabled') throw new Error(`${said}; ${JSON.stringify(shown)}`);
        await end('read-only');
        return undefined;
      },
    },
  ];
} // prettier-ignore
