import type { ContainerWorker } from '../container/worker.ts';

/** Main containers together, then sidecars in reverse order; all are told at once. Source: kuberuntime terminationOrdering. */
export async function endInOrder(containers: readonly ContainerWorker[]): Promise<void> {
  const sidecars = containers.filter((c) => c.record.role === 'sidecar');
  const others = containers.filter((c) => c.record.role !== 'sidecar');
  for (const c of others) c.end();
  let turn: Promise<unknown> = Promise.all(others.map((c) => c.whenTerminated));
  for (const c of sidecars.toReversed()) {
    c.end(turn);
    turn = Promise.all([turn, c.whenTerminated]);
  }
  await turn;
}
/** Main containers, then init containers, last the one whose end made all begin anew. Source: kubelet ContainersToReset. */
export async function resetInOrder(containers: readonly ContainerWorker[], source: ContainerWorker): Promise<void> {
  const others = containers.filter((c) => c !== source && c.record.role !== 'ephemeral');
  const isMain = (c: ContainerWorker): boolean => c.record.role === 'main';
  for (const c of [...others.filter(isMain), ...others.filter((one) => !isMain(one)), source]) await c.reset();
}
