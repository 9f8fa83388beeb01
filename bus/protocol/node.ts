/** What the API server asks of the agent of one node, by session on `kubus.v1.node.<node>.<op>`. */

/** Op `logs`: frames of the session are the bytes of the log; it ends with the log, or with `follow` when the container does. */
export interface LogRequest {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly container: string;
  readonly follow: boolean;
  readonly previous: boolean;
  readonly timestamps: boolean;
  readonly tailLines?: number;
  readonly limitBytes?: number;
  readonly sinceSeconds?: number;
  readonly sinceTime?: string;
}
