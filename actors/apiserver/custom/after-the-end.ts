import { isConditionTrue } from '../../../schemas/apiextensions/naming.ts';
import type { CustomResourceDefinition } from '../../../schemas/generated/apiextensions-v1.ts';
import type { Resource } from '../../../schemas/resource.ts';
import type { Core } from '../core.ts';
import { forbidden } from '../errors.ts';

const DEFINITIONS = { group: 'apiextensions.k8s.io', version: 'v1', resource: 'customresourcedefinitions' };
/** Nothing more is created of a kind whose definition is being deleted. Throws Forbidden. Source: apiextensions-apiserver customresource_handler.go forbidCreateAdmission. */
export function refuseAfterTheEnd(core: Core, resource: Resource, name: string): void {
  const definitions = core.registry.lookup(DEFINITIONS)!;
  const crd = core.cache.get<CustomResourceDefinition>(definitions, '', `${resource.resource}.${resource.group}`);
  if (crd !== undefined && isConditionTrue(crd, 'Terminating'))
    throw forbidden(resource, name, 'create not allowed while custom resource definition is terminating');
}
