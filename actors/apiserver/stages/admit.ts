import type { Resource, Subresource } from '../../../schemas/resource.ts';
import { isDryRun, type Core, type Draft, type ResourceRequest } from '../core.ts';
import type { AdmissionAttributes, Operation } from '../request.ts';

export interface AdmissionInput {
  readonly operation: Operation;
  readonly resource: Resource;
  readonly subresource: Subresource | undefined;
  readonly name: string;
  readonly object: Draft | undefined;
  readonly old: Draft | undefined;
  readonly options: Readonly<Record<string, unknown>>;
}
/** A namespace is in itself, also before it is there. Source: apiserver pkg/endpoints/handlers/create.go. */
const namespaceOf = ({ info }: ResourceRequest, { resource, name }: AdmissionInput): string =>
  info.namespace === '' && resource.resource === 'namespaces' && resource.group === '' ? name : info.namespace;
const attributes = (request: ResourceRequest, input: AdmissionInput): AdmissionAttributes => ({
  ...input,
  namespace: namespaceOf(request, input),
  dryRun: isDryRun(request),
  user: request.user,
  warnings: request.warnings,
  annotate: request.audit && ((key, value, from) => request.audit!.annotate(key, value, from)),
  signal: request.signal,
});

/**
 * Plugins that change the object run one after another, each seeing what those before made of it; once more if webhooks
 * or policies have changed it. Source: apiserver pkg/admission/reinvocation.go.
 */
export async function mutate(core: Core, request: ResourceRequest, input: AdmissionInput): Promise<void> {
  const a = attributes(request, input);
  await mutateOnce(core, a);
  // What others put in may say empty lists.
  if (a.reinvocation !== undefined) request.saysEmpties = true;
  if (a.reinvocation?.wanted !== true) return;
  a.reinvocation.round = 1;
  await mutateOnce(core, a);
}
async function mutateOnce(core: Core, a: AdmissionAttributes): Promise<void> {
  for (const plugin of core.admission) {
    if (plugin.mutate === undefined || !plugin.handles.has(a.operation)) continue;
    const pending = plugin.mutate(a);
    if (pending !== undefined) await pending;
  }
}
/** The last word before the write; the first refusal counts. */
export async function validateAdmission(core: Core, request: ResourceRequest, input: AdmissionInput): Promise<void> {
  const a = attributes(request, input);
  for (const plugin of core.admission) {
    if (plugin.validate === undefined || !plugin.handles.has(a.operation)) continue;
    const pending = plugin.validate(a);
    if (pending !== undefined) await pending;
  }
}
