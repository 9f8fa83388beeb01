import type { Family } from './registry.ts';

/** prom-client knows the process; it is loaded by the first scrape, not by the start. */
let registry: Promise<{ metrics(): Promise<string> }> | undefined;
/** Memory, processor, event loop, garbage collection: `process_*` and `nodejs_*`, as text. */
export function processMetrics(): Promise<string> {
  registry ??= import('prom-client').then(({ default: client }) => {
    const own = new client.Registry();
    client.collectDefaultMetrics({ register: own, eventLoopMonitoringPrecision: 100 });
    return own;
  });
  return registry.then((own) => own.metrics());
}
export async function processFamilies(): Promise<Family[]> {
  const text = await processMetrics();
  return text
    .split(/^(?=# HELP )/m)
    .filter((part) => part.startsWith('# HELP '))
    .map((part) => ({ name: part.split(' ', 3)[2]!, lines: part.split('\n').filter((line) => line !== '') }));
}
/** The build of this cluster, which answers as upstream's of the same version. */
export const buildInfo: Family = {
  name: 'kubernetes_build_info',
  lines: [
    "# HELP kubernetes_build_info [BETA] A metric with a constant '1' value labeled by major, minor, git version, git commit, git tree state, build date, Go version, and compiler from which Kubernetes was built, and platform on which it is running.",
    '# TYPE kubernetes_build_info gauge',
    'kubernetes_build_info{git_version="v1.36.3",major="1",minor="36"} 1',
  ],
};
