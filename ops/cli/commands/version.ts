import { print, printJson } from '../output.ts';

/** Source: Kubernetes v1.36.3, whose behaviour and facts the project records. */
export const KUBERNETES_VERSION = 'v1.36.3';

export function version(kubus: string, options: { output: string }): void {
  const versions = { kubus, kubernetes: KUBERNETES_VERSION, node: process.version };
  if (options.output === 'json') printJson(versions);
  else print(`kubus ${kubus} (Kubernetes API ${KUBERNETES_VERSION}, Node ${process.version})`);
}
