import type { AnyStateMachine } from 'xstate';

export interface Chart {
  readonly machine: AnyStateMachine;
  /** What runs one of these. */
  readonly about: string;
}
/** Every chart of the product by its id, imported when somebody asks to see them. */
export async function machines(): Promise<ReadonlyMap<string, Chart>> {
  const [etcd, apiserver, scheduler] = await Promise.all([
    import('../../actors/etcd/machine.ts'),
    import('../../actors/apiserver/machine.ts'),
    import('../../actors/scheduler/machine.ts'),
  ]);
  const charts: [AnyStateMachine | undefined, string][] = [];
  const add = (module: object, about: string): void => {
    for (const value of Object.values(module)) if (isMachine(value)) charts.push([value, about]);
  };
  add(etcd, 'the store');
  add(apiserver, 'an API server');
  add(scheduler, 'the scheduler');
  return new Map(charts.map(([machine, about]) => [machine!.id, { machine: machine!, about }]));
}
const isMachine = (value: unknown): value is AnyStateMachine =>
  typeof value === 'object' && value !== null && 'root' in value && 'definition' in value;
