import { reasonOf } from '../../schemas/meta/status.ts';
import * as subjects from '../../bus/subjects.ts';
import type { Bus } from '../../bus/bus.ts';
import { UserError } from '../cli/output.ts';
import { connectTool } from '../cluster/connect.ts';
import type { ClusterPaths } from '../cluster/paths.ts';
import type { ReplicaInfo } from './replicas.ts';

/** What people ask of the supervisor of a local cluster, on `kubus.v1.control.supervisor.<cluster>`. */
export type ControlRequest =
  | { readonly type: 'list' }
  /** How many of each; `wait`: answered when it is so. */
  | { readonly type: 'scale'; readonly to: Readonly<Record<string, number>>; readonly wait: boolean }
  /** Default: a name and a kind as the others have. Answered when it serves. */
  | { readonly type: 'addNode'; readonly name?: string | undefined; readonly runtime?: 'simulated' | 'cri' | undefined }
  /** Answered when it is gone. */
  | { readonly type: 'removeNode'; readonly name: string }
  /** One after the other; answered when all are replaced. */
  | { readonly type: 'restart'; readonly component: string };
export interface ControlAnswer {
  readonly replicas: readonly ReplicaInfo[];
  /** Of the kind that scaling is about. */
  readonly nodes: number;
  /** Names of those that `addNode` has added. */
  readonly added?: readonly string[] | undefined;
}
const COMPONENT = 'supervisor';

export function serveControl(
  bus: Bus,
  name: string,
  answer: (request: ControlRequest) => Promise<ControlAnswer>,
): void {
  bus.serve(subjects.control(COMPONENT, name), COMPONENT, (message) => answer(message.body as ControlRequest));
}
/** Thrown: UserError with what the supervisor says, or that it does not answer. */
export async function askSupervisor(
  paths: ClusterPaths,
  name: string,
  request: ControlRequest,
  timeoutMs = 10_000,
): Promise<ControlAnswer> {
  const { bus } = await connectTool(paths, 'console');
  try {
    return await bus.request<ControlAnswer>(subjects.control(COMPONENT, name), request, { timeoutMs });
  } catch (error) {
    if (reasonOf(error) === 'ServiceUnavailable')
      throw new UserError(
        `the supervisor of cluster "${name}" does not answer: start the cluster anew with: kubus up --name ${name}`,
      );
    throw new UserError((error as Error).message);
  } finally {
    await bus.drain();
  }
}
