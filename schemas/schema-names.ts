import type { GroupVersionKind } from './meta/object.ts';

/** Where the schema of a group lies: the part before `.v1.Kind` in facts/schema.json. */
const SCHEMA_PREFIX: Readonly<Record<string, string>> = {
  '': 'io.k8s.api.core',
  'apiextensions.k8s.io': 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions',
  'apiregistration.k8s.io': 'io.k8s.kube-aggregator.pkg.apis.apiregistration',
  'rbac.authorization.k8s.io': 'io.k8s.api.rbac',
  'flowcontrol.apiserver.k8s.io': 'io.k8s.api.flowcontrol',
};
/** Name of a builtin kind's definition: `io.k8s.api.apps.v1.Deployment`. */
export const schemaNameOf = ({ group, version, kind }: GroupVersionKind): string =>
  `${SCHEMA_PREFIX[group] ?? `io.k8s.api.${group.replace(/\.k8s\.io$/, '')}`}.${version}.${kind}`;
