import type { PodTemplateSpec } from '../../../../schemas/generated/core-v1.ts';

/** A template of pods that run until they are stopped, or as `script` says (node-agent/runtime/simulated/script.ts). */
export function template(
  app: string,
  image: string,
  script = '{ startDelayMs: 400, stopAfterMs: 300 }',
): PodTemplateSpec {
  return {
    metadata: {
      labels: { app },
      annotations: { 'kubus.dev/simulate': script },
    },
    spec: { containers: [{ name: 'main', image }], terminationGracePeriodSeconds: 2 },
  };
}
/** Of pods that end by themselves. */
export function task(app: string, script: string): PodTemplateSpec {
  const { metadata, spec } = template(app, 'task', script);
  return { ...(metadata && { metadata }), spec: { ...spec!, restartPolicy: 'Never' } };
}
/** The first of these that is said. */
export function first(...missing: readonly (string | false | undefined)[]): string | undefined {
  return missing.find((one): one is string => typeof one === 'string');
}
/** Text, unless both are the same. */
export const differs = (what: string, is: unknown, wanted: unknown): string | undefined =>
  JSON.stringify(is) === JSON.stringify(wanted) ? undefined : `${what} is ${JSON.stringify(is)}, not ${JSON.stringify(wanted)}`; // prettier-ignore
