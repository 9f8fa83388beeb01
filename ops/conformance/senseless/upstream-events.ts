/**
 * What upstream's controllers, scheduler and kubelet say in Events: who, of which type, why, and in which words. Read from
 * their sources of v1.36.3 and from what they wrote; a row a call of a recorder.
 */
type Row = readonly [component: string, type: 'Normal' | 'Warning', reason: string, message: RegExp];
const NAME = String.raw`[a-z0-9.-]+`;
const REFUSAL = String.raw`pods "${NAME}" is forbidden: .+`;
const says = (text: string): RegExp => new RegExp(`^(\\(combined from similar events\\): )?${text}$`);

const ofPods = (component: string): readonly Row[] => [
  [component, 'Normal', 'SuccessfulCreate', says(`Created pod: ${NAME}`)],
  [component, 'Normal', 'SuccessfulDelete', says(`Deleted pod: ${NAME}`)],
  [component, 'Warning', 'FailedCreate', says(`Error creating: ${REFUSAL}`)],
];
export const UPSTREAM: readonly Row[] = [
  ...['replicaset-controller', 'replication-controller', 'daemonset-controller', 'job-controller'].flatMap(ofPods),
  ['deployment-controller', 'Normal', 'ScalingReplicaSet', says(`Scaled (up|down) replica set ${NAME} from \\d+ to \\d+`)],
  ['statefulset-controller', 'Normal', 'SuccessfulCreate', says(`Create Pod ${NAME} in StatefulSet ${NAME} successful`)],
  ['statefulset-controller', 'Warning', 'FailedCreate', says(`Create Pod ${NAME} in StatefulSet ${NAME} failed error: ${REFUSAL}`)],
  ['job-controller', 'Normal', 'Suspended', says('Job suspended')],
  ['job-controller', 'Normal', 'Completed', says('Job completed')],
  ['job-controller', 'Warning', 'BackoffLimitExceeded', says('Job has reached the specified backoff limit')],
  ['cronjob-controller', 'Normal', 'SuccessfulCreate', says(`Created job ${NAME}`)],
  ['cronjob-controller', 'Normal', 'JobAlreadyActive', says('Not starting job because prior execution is running and concurrency policy is Forbid')],
  ['cronjob-controller', 'Warning', 'TooManyMissedTimes', says('too many missed start times\\. Set or decrease \\.spec\\.startingDeadlineSeconds or check clock skew')],
  ['cronjob-controller', 'Warning', 'InvalidSchedule', says('invalid schedule: .+ : time difference between two schedules is less than 1 second')],
  ['controllermanager', 'Warning', 'CalculateExpectedPodCountFailed', says(`Failed to calculate the number of expected pods: (jobs\\.batch|daemonsets\\.apps) does not implement the scale subresource`)],
  ['garbage-collector-controller', 'Warning', 'OwnerRefInvalidNamespace', says(`ownerRef \\[v1/ConfigMap, namespace: ${NAME}, name: ${NAME}, uid: [0-9a-f-]{36}\\] does not exist in namespace "${NAME}"`)],
  ['persistentvolume-controller', 'Warning', 'ProvisioningFailed', says(`storageclass\\.storage\\.k8s\\.io "${NAME}" not found`)],
  ['persistentvolume-controller', 'Normal', 'FailedBinding', says('no persistent volumes available for this claim and no storage class is set')],
  ['ephemeral_volume', 'Warning', 'FailedBinding', says(`ephemeral volume \\S+: PVC ${NAME}/${NAME} was not created for pod ${NAME}/${NAME} \\(pod is not owner\\)`)],
  ['resource_claim', 'Warning', 'FailedResourceClaimCreation', says(`PodResourceClaim \\S+: resource claim template "${NAME}": resourceclaimtemplate\\.resource\\.k8s\\.io "${NAME}" not found`)],
  ['node-controller', 'Normal', 'RegisteredNode', says(`Node ${NAME} event: Registered Node ${NAME} in Controller`)],
  ['taint-eviction-controller', 'Normal', 'TaintManagerEviction', says(`Marking for deletion Pod ${NAME}/${NAME}`)],
  ['kube-controller-manager', 'Normal', 'LeaderElection', says(`${NAME} became leader`)],
  ['default-scheduler', 'Normal', 'LeaderElection', says(`${NAME} became leader`)],
  ['default-scheduler', 'Normal', 'Scheduled', says(`Successfully assigned ${NAME}/${NAME} to ${NAME}`)],
  ['default-scheduler', 'Warning', 'FailedScheduling', says('0/\\d nodes are available: .+\\. (no new claims to deallocate, )?(preemption: 0/\\d nodes are available: .+\\.|not found)')],
  ['kubelet', 'Normal', 'Starting', says('Starting kubelet\\.')],
  ['kubelet', 'Normal', 'Pulling', says('Pulling image "[^"]+"')],
  ['kubelet', 'Normal', 'Pulled', says('Container image "[^"]+" already present on machine and can be accessed by the pod')],
  ['kubelet', 'Normal', 'Pulled', says('Successfully pulled image "[^"]+" in \\S+ \\(\\S+ including waiting\\)\\. Image size: \\d+ bytes\\.')],
  ['kubelet', 'Normal', 'Created', says('Container created')],
  ['kubelet', 'Normal', 'Started', says('Container started')],
  ['kubelet', 'Normal', 'Killing', says('Stopping container \\S+')],
  ['kubelet', 'Warning', 'BackOff', says(`Back-off restarting failed container \\S+ in pod ${NAME}_${NAME}\\([0-9a-f-]{36}\\)`)],
]; // prettier-ignore
