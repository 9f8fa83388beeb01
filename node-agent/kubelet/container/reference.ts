import type { ObjectReference, Pod } from '../../../schemas/generated/core-v1.ts';
import type { ContainerRecord } from './record.ts';

const LISTS = { init: 'initContainers', sidecar: 'initContainers', main: 'containers', ephemeral: 'ephemeralContainers' }; // prettier-ignore

/** Whom an Event of a container is about. Source: kubelet container GenerateContainerRef. */
export const referenceOf = ({ metadata }: Pod, { role, spec }: ContainerRecord): ObjectReference => ({
  apiVersion: 'v1',
  kind: 'Pod',
  name: metadata.name,
  namespace: metadata.namespace,
  uid: metadata.uid,
  resourceVersion: metadata.resourceVersion,
  fieldPath: `spec.${LISTS[role]}{${spec.name}}`,
});
