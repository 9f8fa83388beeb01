/**
 * What the API server asks a component for whom somebody reads its metrics: on `kubus.v1.metrics.<component>` any one of
 * its replicas, on `kubus.v1.metrics.<component>.<id>` that one.
 */
export interface MetricsAnswer {
  readonly id: string;
  /** Lines of the text format by the names of metrics, in order. */
  readonly families: readonly { readonly name: string; readonly lines: readonly string[] }[];
  /** Replicas that this one knows to be alive, without itself. */
  readonly others: readonly string[];
}
