import type { Container, PodSpec } from '../generated/core-v1.ts';

/** Whether one container's end may start all of them again. Source: pkg/api/v1/pod AllContainersCouldRestart. */
export const allRestart = (spec: PodSpec): boolean =>
  [...(spec.initContainers ?? []), ...(spec.containers ?? [])].some((c) =>
    c.restartPolicyRules?.some((rule) => rule.action === 'RestartAllContainers'),
  );
/** Whether a container that ended so may run again. Source: pkg/api/v1/pod ContainerShouldRestart. */
export function restarts(container: Container, spec: PodSpec, exitCode: number): boolean {
  if (container.restartPolicy !== undefined) {
    const rule = container.restartPolicyRules?.find(({ exitCodes }) => {
      if (!exitCodes) return false;
      const listed = exitCodes.values?.includes(exitCode) === true;
      return (exitCodes.operator === 'In' && listed) || (exitCodes.operator === 'NotIn' && !listed);
    });
    if (rule?.action === 'Restart' || rule?.action === 'RestartAllContainers') return true;
  }
  const own = container.restartPolicy;
  const policy = own === 'Always' || own === 'OnFailure' || own === 'Never' ? own : spec.restartPolicy;
  return policy === 'OnFailure' ? exitCode !== 0 : policy !== 'Never';
}
