import type { Answerer, Front } from './front.ts';
import { BASE, nameOf, type Replica, type Scalable } from './replicas.ts';
import type { ComponentName, ProcessSpec } from './spec.ts';
import type { RunningProcess } from './start.ts';
import { superviseProcess, type Supervised } from './supervised.ts';

/** Not on the request path: the first replica of these shares a thread and a connection. */
export const isFar = (role: ComponentName): boolean => role !== 'etcd' && role !== 'apiserver';

export interface LocalReplicas {
  /** The first of a component, part of the process of `kubus up`, which has been begun with it. */
  base(component: Scalable, ready: Promise<void>): Replica;
  /** Begins one: in slot 1 as part of the process of `kubus up`, in any other as a process of its own. */
  start(component: Scalable, slot: number): Replica;
}
/** How the replicas of one cluster on this machine are begun and ended. */
export function createLocalReplicas(o: {
  /** What all processes of the cluster have in common. */
  readonly common: Pick<ProcessSpec, 'dir' | 'host'>;
  /** The main thread's components. */
  readonly near: () => RunningProcess;
  /** The other thread. */
  readonly far: () => Supervised;
  readonly front: () => Front | undefined;
  /** Components of the other thread that it is not to start by itself. */
  readonly absent: Set<ComponentName>;
  readonly warn: (text: string) => void;
}): LocalReplicas {
  const base = (component: Scalable, ready: Promise<void>): Replica => ({
    pid: process.pid,
    ready,
    stop: () => {
      if (!isFar(component)) return o.near().end(component);
      o.absent.add(component);
      return o.far().order({ do: 'end', component });
    },
  });
  const again = (component: Scalable): Promise<void> => {
    if (!isFar(component)) return o.near().begin(component);
    o.absent.delete(component);
    return o.far().order({ do: 'begin', component });
  };
  const apart = (component: Scalable, name: string): Replica => {
    const front = component === 'apiserver' ? o.front() : undefined;
    const spec: ProcessSpec = {
      ...o.common, name, replica: name, components: [component], ...(front && { handed: true }),
    }; // prettier-ignore
    const answerer: Answerer & { isOpen: boolean } = { isOpen: false, hand: (socket) => child.hand(socket) };
    const child = superviseProcess(spec, o.warn, {
      onReady: () => {
        answerer.isOpen = true;
        front?.opened();
      },
      onGone: () => (answerer.isOpen = false),
    });
    front?.add(answerer);
    return {
      get pid() {
        return child.pid;
      },
      ready: child.ready,
      stop: () => {
        // First no new connections, then those there are.
        front?.remove(answerer);
        return child.stop();
      },
    };
  };
  return {
    base,
    start: (component, slot) =>
      slot === BASE ? base(component, again(component)) : apart(component, nameOf(component, slot)),
  };
}
