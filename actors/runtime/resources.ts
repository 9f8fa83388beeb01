import type { GroupVersionResource } from '../../schemas/meta/object.ts';

/** Names of the resources that components work with, so that none is spelled twice. */
const core = (resource: string): GroupVersionResource => ({ group: '', version: 'v1', resource });
const of = (group: string, resource: string, version = 'v1'): GroupVersionResource => ({ group, version, resource });

export const pods = core('pods');
export const nodes = core('nodes');
export const services = core('services');
export const endpoints = core('endpoints');
export const namespaces = core('namespaces');
export const configMaps = core('configmaps');
export const secrets = core('secrets');
export const serviceAccounts = core('serviceaccounts');
export const events = core('events');
/** The same objects, as events.k8s.io shows them. */
export const newEvents = of('events.k8s.io', 'events');
export const replicationControllers = core('replicationcontrollers');
export const persistentVolumes = core('persistentvolumes');
export const persistentVolumeClaims = core('persistentvolumeclaims');
export const deployments = of('apps', 'deployments');
export const replicaSets = of('apps', 'replicasets');
export const daemonSets = of('apps', 'daemonsets');
export const statefulSets = of('apps', 'statefulsets');
export const controllerRevisions = of('apps', 'controllerrevisions');
export const jobs = of('batch', 'jobs');
export const cronJobs = of('batch', 'cronjobs');
export const podDisruptionBudgets = of('policy', 'poddisruptionbudgets');
export const tokenReviews = of('authentication.k8s.io', 'tokenreviews');
export const subjectAccessReviews = of('authorization.k8s.io', 'subjectaccessreviews');
export const leases = of('coordination.k8s.io', 'leases');
export const endpointSlices = of('discovery.k8s.io', 'endpointslices');
export const serviceCidrs = of('networking.k8s.io', 'servicecidrs');
export const priorityClasses = of('scheduling.k8s.io', 'priorityclasses');
export const storageClasses = of('storage.k8s.io', 'storageclasses');
export const volumeAttachments = of('storage.k8s.io', 'volumeattachments');
export const csiDrivers = of('storage.k8s.io', 'csidrivers');
export const csiNodes = of('storage.k8s.io', 'csinodes');
export const csiStorageCapacities = of('storage.k8s.io', 'csistoragecapacities');
export const resourceClaims = of('resource.k8s.io', 'resourceclaims');
export const resourceClaimTemplates = of('resource.k8s.io', 'resourceclaimtemplates');
export const deviceClasses = of('resource.k8s.io', 'deviceclasses');
export const resourceSlices = of('resource.k8s.io', 'resourceslices');
export const volumeAttributesClasses = of('storage.k8s.io', 'volumeattributesclasses');
export const horizontalPodAutoscalers = of('autoscaling', 'horizontalpodautoscalers', 'v2');
export const networkPolicies = of('networking.k8s.io', 'networkpolicies');
export const runtimeClasses = of('node.k8s.io', 'runtimeclasses');
