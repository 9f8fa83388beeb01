import type { Resource } from '../../../schemas/resource.ts';

/** Said with every answer about these kinds. Source: the lifecycle tags of k8s.io/api. */
const DEPRECATED: Readonly<Record<string, string>> = {
  'v1 Endpoints': 'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice',
  'v1 ComponentStatus': 'v1 ComponentStatus is deprecated in v1.19+',
};
export const deprecation = (resource: Resource): string | undefined =>
  resource.group === '' ? DEPRECATED[`${resource.version} ${resource.kind}`] : resource.deprecation;
