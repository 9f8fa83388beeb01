import type { Pod, PodTemplateSpec } from '../../schemas/generated/core-v1.ts';
import type { KubeObject } from '../../schemas/meta/object.ts';
import { controllerReference } from './owners.ts';

/** Names of pods begin with their owner's name and a dash, unless that is too long for a name. */
const MAX_PREFIX = 253;
const prefixOf = (name: string): string => (name.length + 1 > MAX_PREFIX ? name : `${name}-`);

/** The pod that a workload makes of its template. Source: pkg/controller/controller_utils.go GetPodFromTemplate. */
export function podFromTemplate(owner: KubeObject, template: PodTemplateSpec | undefined): Pod {
  const { labels, annotations, finalizers } = template?.metadata ?? {};
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      generateName: prefixOf(owner.metadata.name!),
      namespace: owner.metadata.namespace,
      ...(labels && { labels }),
      ...(annotations && { annotations }),
      ...(finalizers && { finalizers }),
      ownerReferences: [controllerReference(owner)],
    },
    spec: template?.spec,
  };
}
