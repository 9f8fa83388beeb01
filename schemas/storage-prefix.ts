/**
 * Where the objects of a resource lie below `/registry/`: custom resources and those of the two embedded API servers
 * under their group, the rest under the plural, with a few names from before 1.0.
 * Source: pkg/kubeapiserver default_storage_factory_builder.go SpecialDefaultResourcePrefixes.
 */
const SPECIAL: Readonly<Record<string, string>> = {
  '/replicationcontrollers': 'controllers',
  '/endpoints': 'services/endpoints',
  '/nodes': 'minions',
  '/services': 'services/specs',
  'networking.k8s.io/ingresses': 'ingress',
};
const OWN_SERVER: ReadonlySet<string> = new Set(['apiextensions.k8s.io', 'apiregistration.k8s.io']);

export const builtinStoragePrefix = (group: string, resource: string): string =>
  `/registry/${SPECIAL[`${group}/${resource}`] ?? (OWN_SERVER.has(group) ? `${group}/${resource}` : resource)}/`;
