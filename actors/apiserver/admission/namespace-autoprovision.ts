import { reasonOf } from '../../../schemas/meta/status.ts';
import type { AdmissionPlugin } from '../request.ts';
import { find, kind, operations, type AdmissionContext } from './common.ts';

/** Makes the namespace that a new object names. Source: kubernetes plugin/pkg/admission/namespace/autoprovision. */
export function namespaceAutoProvision(context: AdmissionContext): AdmissionPlugin {
  const namespaces = kind(context, '', 'namespaces');
  const provision = async (name: string): Promise<void> => {
    if ((await find(context, namespaces, '', name)) !== undefined) return;
    try {
      await context.loopback.create(namespaces, { kind: 'Namespace', apiVersion: 'v1', metadata: { name } });
    } catch (error) {
      if (reasonOf(error) !== 'AlreadyExists') throw error;
    }
  };
  return {
    name: 'NamespaceAutoProvision',
    handles: operations('CREATE'),
    mutate(a) {
      if (a.dryRun || a.namespace === '' || a.resource === namespaces) return;
      if (context.cache.get(namespaces, '', a.namespace) === undefined) return provision(a.namespace);
    },
  };
}
