import { setTimeout as sleep } from 'node:timers/promises';
import type { Linked, LocalCluster } from './local-cluster.ts';
import { STORE_LEADER, type Fault } from './schedule.ts';

/** A fault as it was done: to whom in the end, and when. Times are those of performance.now(). */
export interface Injected extends Fault {
  readonly members: readonly string[];
  readonly from: number;
  /** When it was undone, and what was killed runs again. */
  to: number;
}

/** Does one fault and undoes it after its time. Resolves when everything that it concerned serves again. */
export async function inject(
  cluster: LocalCluster,
  fault: Fault,
  onBegin: (injected: Injected) => void,
): Promise<void> {
  const members = await targetsOf(cluster, fault.target);
  const injected: Injected = {
    ...fault,
    members: members.map(({ name }) => name),
    from: performance.now(),
    to: Infinity,
  };
  onBegin(injected);
  await Promise.all(members.map((member) => harm(member, fault)));
  await sleep(fault.forMs);
  await Promise.all(members.map((member) => heal(member)));
  injected.to = performance.now();
}

async function targetsOf(cluster: LocalCluster, target: string): Promise<Linked[]> {
  if (target !== STORE_LEADER) return target.split('+').map((name) => cluster.member(name));
  return [(await cluster.storeLeader()) ?? cluster.of('nats-server')[0]!];
}
async function harm(member: Linked, { kind, delayMs = 0 }: Fault): Promise<void> {
  switch (kind) {
    case 'kill':
    case 'quorum':
      return member.kill();
    case 'pause':
      return member.pause();
    case 'partition':
      return member.setLink('hold');
    case 'slow':
      return member.setLink(delayMs);
  }
}
/** Undoes whatever may have been done. */
export async function heal(member: Linked): Promise<void> {
  member.setLink('pass');
  member.resume();
  if (member.pid === undefined) await member.start();
}
