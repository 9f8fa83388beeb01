import type { Namespace } from '../../../schemas/generated/core-v1.ts';
import { ApiError } from '../../../schemas/meta/status.ts';
import type { AdmissionPlugin } from '../request.ts';
import { find, forbid, kind, operations, type AdmissionContext } from './common.ts';

const IMMORTAL = new Set(['default', 'kube-system', 'kube-public']);
/** A namespace that was deleted through this server is looked up past the cache for so long. */
const DOUBT_MS = 30_000;

/** Nothing new in namespaces that are missing or going away. Source: apiserver pkg/admission/plugin/namespace/lifecycle. */
export function namespaceLifecycle(context: AdmissionContext): AdmissionPlugin {
  const namespaces = kind(context, '', 'namespaces');
  const doubted = new Map<string, number>();
  const { clock } = context.world;

  return {
    name: 'NamespaceLifecycle',
    handles: operations('CREATE', 'UPDATE', 'DELETE'),
    mutate(a) {
      const isNamespace = a.resource === namespaces || (a.resource.group === '' && a.resource.kind === 'Namespace');
      if (a.operation === 'DELETE') {
        if (!isNamespace) return;
        if (IMMORTAL.has(a.name)) throw forbid(a, 'this namespace may not be deleted');
        if (doubted.size > 100) doubted.clear();
        doubted.set(a.name, clock.now() + DOUBT_MS);
        return;
      }
      if (isNamespace || a.namespace === '') return;
      // Whether a namespace exists is not for a review to reveal.
      if (a.resource.group === 'authorization.k8s.io') return;
      const known = context.cache.get<Namespace>(namespaces, '', a.namespace);
      if (known !== undefined && !inDoubt(known)) return refuseIfTerminating(known);
      return lookAgain();

      function inDoubt(namespace: Namespace): boolean {
        const until = doubted.get(a.namespace);
        if (until === undefined) return false;
        if (until > clock.now()) return namespace.status?.phase === 'Active';
        doubted.delete(a.namespace);
        return false;
      }
      async function lookAgain(): Promise<void> {
        if (known !== undefined) await context.fresh();
        const found = await find<Namespace>(context, namespaces, '', a.namespace);
        if (found !== undefined) return refuseIfTerminating(found);
        throw new ApiError('NotFound', `namespaces ${JSON.stringify(a.namespace)} not found`, {
          details: { name: a.namespace, kind: 'namespaces' },
        });
      }
      function refuseIfTerminating(namespace: Namespace): void {
        if (a.operation !== 'CREATE' || namespace.status?.phase !== 'Terminating') return;
        const { status } = forbid(
          a,
          `unable to create new content in namespace ${a.namespace} because it is being terminated`,
        );
        const cause = {
          reason: 'NamespaceTerminating',
          message: `namespace ${a.namespace} is being terminated`,
          field: 'metadata.namespace',
        };
        throw new ApiError('Forbidden', status.message ?? '', { details: { ...status.details, causes: [cause] } });
      }
    },
  };
}
