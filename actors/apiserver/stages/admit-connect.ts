import { apiVersionOf, type DynamicObject } from '../../../schemas/meta/object.ts';
import type { Core, ResourceRequest } from '../core.ts';
import { parsePath } from './request-info.ts';
import { mutate, validateAdmission, type AdmissionInput } from './admit.ts';

/** What of a query becomes a field of the options. Names of flags, of texts, and of lists. */
const FLAGS = ['stdin', 'stdout', 'stderr', 'tty'];
const TEXTS = ['container'];

/**
 * Exec, attach, port-forward and proxy change no object: what is admitted are their options.
 * Source: apiserver pkg/endpoints/handlers/rest.go ConnectResource.
 */
export async function admitConnect(core: Core, request: ResourceRequest): Promise<void> {
  const { resource, subresource, info } = request;
  const isAsked = core.admission.some((plugin) => plugin.handles.has('CONNECT'));
  if (subresource === undefined || !isAsked) return;
  const object = optionsOf(request, subresource.kind, apiVersionOf(resource));
  const input: AdmissionInput = {
    operation: 'CONNECT', resource, subresource, name: info.name, object, old: undefined, options: {},
  }; // prettier-ignore
  await mutate(core, request, input);
  await validateAdmission(core, request, input);
}
function optionsOf({ query, info, subresource }: ResourceRequest, kind: string, apiVersion: string): DynamicObject {
  const options: Record<string, unknown> = { kind, apiVersion };
  if (subresource?.name === 'proxy') {
    const { rest } = parsePath(info.path);
    if (rest !== '') options['path'] = `/${rest}${info.path.endsWith('/') ? '/' : ''}`;
    return options as DynamicObject;
  }
  for (const name of FLAGS) if (isTrue(query.get(name))) options[name] = true;
  for (const name of TEXTS) if (query.get(name)) options[name] = query.get(name);
  if (query.has('command')) options['command'] = query.getAll('command');
  if (query.has('ports')) options['ports'] = query.getAll('ports').map(Number);
  return options as DynamicObject;
}
const isTrue = (text: string | null): boolean => text !== null && text.toLowerCase() !== 'false' && text !== '0';
