import type { Namespace } from '../../../schemas/generated/core-v1.ts';
import { notFound } from '../errors.ts';
import type { AdmissionPlugin } from '../request.ts';
import { find, kind, operations, type AdmissionContext } from './common.ts';

/** Looks a namespace up; throws NotFound. */
export function createNamespaceOf(context: AdmissionContext): (name: string) => Promise<Namespace> {
  const namespaces = kind(context, '', 'namespaces');
  return async (name) => {
    const found = await find<Namespace>(context, namespaces, '', name);
    if (found === undefined) throw notFound(namespaces, name);
    return found;
  };
}
/** Nothing in namespaces that do not exist; NamespaceLifecycle does this and more. Off by default. Source: plugin/pkg/admission/namespace/exists. */
export function namespaceExists(context: AdmissionContext): AdmissionPlugin {
  const namespaceOf = createNamespaceOf(context);
  return {
    name: 'NamespaceExists',
    handles: operations('CREATE', 'UPDATE', 'DELETE'),
    async validate(a) {
      const isNamespace = a.resource.group === '' && a.resource.kind === 'Namespace';
      if (a.namespace !== '' && !isNamespace) await namespaceOf(a.namespace);
    },
  };
}
