import type { Errors } from '../define.ts';
import type {
  Container,
  ContainerPort,
  ContainerResizePolicy,
  EphemeralContainer,
  PodSpec,
  Volume,
} from '../generated/core-v1.ts';
import { dnsLabelField } from '../meta/field-checks.ts';
import {
  duplicate,
  forbidden,
  invalid,
  notFound,
  notSupported,
  required,
  tooMany,
  type FieldPath,
} from '../meta/field.ts';
import { portName, portNumber } from '../meta/names.ts';
import { validateEnv, validateEnvFrom } from './env-validation.ts';
import { validateDevices, validateMounts } from './mount-validation.ts';
import { validateProbes } from './probe-validation.ts';
import { validateContainerResourceName } from './resource-names.ts';
import { validateResourceRequirements } from './resource-requirements.ts';
import { validateSecurityContext } from './security-context-validation.ts';
import { validatePullPolicy } from './volume-validation.ts';

/** What rules of one container need to know of its pod. */
export interface Surroundings {
  readonly spec: PodSpec;
  readonly volumes: ReadonlyMap<string, Volume>;
  readonly claims: ReadonlySet<string>;
  readonly isPod: boolean;
}
const PROTOCOLS = ['SCTP', 'TCP', 'UDP'];
const RESTART_POLICIES = ['Always', 'Never', 'OnFailure'];

/** Source: pkg/apis/core/validation validateContainers. */
export function* validateContainers(containers: readonly Container[], pod: Surroundings, at: FieldPath): Errors {
  if (containers.length === 0) {
    yield required(at);
    return;
  }
  const names = new Set<string>();
  for (const [i, container] of containers.entries()) {
    const here = at(i);
    yield* validateCommon(container, pod, here);
    if (names.has(container.name)) yield duplicate(here('name'), container.name);
    names.add(container.name);
    yield* validateProbes(container, pod.spec.terminationGracePeriodSeconds, pod.spec.os, here);
    yield* validateRestartPolicy(container, here);
  }
  yield* validateHostPorts(containers, at);
}
/** Source: validateInitContainers. */
export function* validateInitContainers(containers: readonly Container[], pod: Surroundings, at: FieldPath): Errors {
  const names = new Set((pod.spec.containers ?? []).map((c) => c.name));
  for (const [i, container] of containers.entries()) {
    const here = at(i);
    const sidecar = container.restartPolicy === 'Always';
    yield* validateCommon(container, pod, here);
    yield* validateRestartPolicy(container, here);
    if (names.has(container.name)) yield duplicate(here('name'), container.name);
    else if (container.name !== '') names.add(container.name);
    yield* validateHostPorts([container], at);
    if (sidecar) yield* validateProbes(container, pod.spec.terminationGracePeriodSeconds, pod.spec.os, here);
    else
      for (const field of ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe'] as const)
        if (container[field])
          yield forbidden(here(field), 'may not be set for init containers without restartPolicy=Always');
    if (sidecar) continue;
    for (const [n, { restartPolicy }] of (container.resizePolicy ?? []).entries())
      if (restartPolicy === 'RestartContainer')
        yield invalid(
          here('resizePolicy')(n)('restartPolicy'),
          restartPolicy,
          "must not be set to 'RestartContainer' for non-sidecar initContainers",
        );
  }
}
/** In the order of Go's struct. */
const NOT_EPHEMERAL = ['ports', 'resources', 'resizePolicy', 'restartPolicy', 'restartPolicyRules', 'livenessProbe', 'readinessProbe', 'startupProbe', 'lifecycle'] as const; // prettier-ignore
const isSet = (container: EphemeralContainer, field: (typeof NOT_EPHEMERAL)[number]): boolean =>
  field === 'resources' ? Object.keys(container.resources ?? {}).length > 0 : container[field] !== undefined;

/** Source: validateEphemeralContainers. */
export function* validateEphemeralContainers(
  containers: readonly EphemeralContainer[],
  pod: Surroundings,
  at: FieldPath,
): Errors {
  const others = new Set([...(pod.spec.containers ?? []), ...(pod.spec.initContainers ?? [])].map((c) => c.name));
  const names = new Set(others);
  const why = 'cannot be set for an Ephemeral Container';
  for (const [i, container] of containers.entries()) {
    const here = at(i);
    yield* validateCommon(container, pod, here);
    yield* validateImageBlanks(container, here);
    if (names.has(container.name)) yield duplicate(here('name'), container.name);
    names.add(container.name);
    const target = container.targetContainerName;
    if (target && !others.has(target)) yield notFound(here('targetContainerName'), target);
    for (const field of NOT_EPHEMERAL) if (isSet(container, field)) yield forbidden(here(field), why);
    for (const [n, mount] of (container.volumeMounts ?? []).entries()) {
      if (mount.subPath) yield forbidden(here('volumeMounts')(n)('subPath'), why);
      if (mount.subPathExpr) yield forbidden(here('volumeMounts')(n)('subPathExpr'), why);
    }
  }
}
export function* validateImageBlanks({ image = '' }: Pick<Container, 'image'>, at: FieldPath): Errors {
  if (image.trim() !== image) yield invalid(at('image'), image, 'must not have leading or trailing whitespace');
}
/** Source: validateContainerCommon. */
function* validateCommon(container: Container | EphemeralContainer, pod: Surroundings, at: FieldPath): Errors {
  const {
    name,
    image,
    terminationMessagePolicy: message,
    imagePullPolicy: pull,
    volumeMounts = [],
    volumeDevices = [],
  } = container;
  if (name === '') yield required(at('name'));
  else yield* dnsLabelField(name, at('name'));
  if (!image) yield required(at('image'));
  if (!message) yield required(at('terminationMessagePolicy'));
  else if (message !== 'File' && message !== 'FallbackToLogsOnError')
    yield notSupported(at('terminationMessagePolicy'), message, ['File', 'FallbackToLogsOnError']);
  yield* validatePorts(container.ports ?? [], at('ports'));
  yield* validateEnv(container.env ?? [], at('env'));
  yield* validateEnvFrom(container.envFrom ?? [], at('envFrom'));
  yield* validateMounts(container, volumeDevices, pod.volumes, at('volumeMounts'));
  yield* validateDevices(volumeDevices, volumeMounts, pod.volumes, at('volumeDevices'));
  yield* validatePullPolicy(pull ?? '', at('imagePullPolicy'));
  yield* validateResourceRequirements(
    container.resources ?? {},
    validateContainerResourceName,
    pod.claims,
    at('resources'),
  );
  yield* validateResizePolicy(container.resizePolicy ?? [], pod.spec.restartPolicy, at('resizePolicy'));
  if (container.securityContext)
    yield* validateSecurityContext(container.securityContext, pod.spec.hostUsers ?? true, at('securityContext'));
}
function* validatePorts(ports: readonly ContainerPort[], at: FieldPath): Errors {
  const names = new Set<string>();
  for (const [i, { name, containerPort, hostPort, protocol }] of ports.entries()) {
    const here = at(i);
    if (name) {
      const wrong = portName(name);
      for (const why of wrong) yield invalid(here('name'), name, why);
      if (wrong.length === 0 && names.has(name)) yield duplicate(here('name'), name);
      if (wrong.length === 0) names.add(name);
    }
    if (!containerPort) yield required(here('containerPort'));
    else for (const why of portNumber(containerPort)) yield invalid(here('containerPort'), containerPort, why);
    if (hostPort) for (const why of portNumber(hostPort)) yield invalid(here('hostPort'), hostPort, why);
    if (!protocol) yield required(here('protocol'));
    else if (!PROTOCOLS.includes(protocol)) yield notSupported(here('protocol'), protocol, PROTOCOLS);
  }
}
/** Source: AccumulateUniqueHostPorts. */
function* validateHostPorts(containers: readonly Container[], at: FieldPath): Errors {
  const seen = new Set<string>();
  for (const [i, { ports = [] }] of containers.entries())
    for (const [n, { hostPort, hostIP = '', protocol }] of ports.entries()) {
      if (!hostPort) continue;
      const key = `${protocol}/${hostIP}/${hostPort}`;
      if (seen.has(key)) yield duplicate(at(i)('ports')(n)('hostPort'), key);
      seen.add(key);
    }
}
function* validateResizePolicy(
  policies: readonly ContainerResizePolicy[],
  podPolicy: string | undefined,
  at: FieldPath,
): Errors {
  const seen = new Set<string>();
  for (const [i, { resourceName, restartPolicy }] of policies.entries()) {
    if (seen.has(resourceName)) yield duplicate(at(i), resourceName);
    seen.add(resourceName);
    if (resourceName === '') yield required(at);
    else if (resourceName !== 'cpu' && resourceName !== 'memory')
      yield notSupported(at, resourceName, ['cpu', 'memory']);
    if (restartPolicy === '') yield required(at);
    else if (restartPolicy !== 'NotRequired' && restartPolicy !== 'RestartContainer')
      yield notSupported(at, restartPolicy, ['NotRequired', 'RestartContainer']);
    if (podPolicy === 'Never' && restartPolicy !== 'NotRequired')
      yield invalid(at, restartPolicy, "must be 'NotRequired' when pod `restartPolicy` is 'Never'");
  }
}
const RULE_ACTIONS = ['Restart', 'RestartAllContainers'];
const OPERATORS = ['In', 'NotIn'];
/** Source: validateContainerRestartPolicy. */
function* validateRestartPolicy({ restartPolicy, restartPolicyRules: rules = [] }: Container, at: FieldPath): Errors {
  if (restartPolicy === undefined) {
    if (rules.length === 0) return;
    yield required(at('restartPolicy'), 'must specify restartPolicy when restart rules are used');
  } else if (!RESTART_POLICIES.includes(restartPolicy))
    yield notSupported(at('restartPolicy'), restartPolicy, RESTART_POLICIES);
  if (rules.length > 20) yield tooMany(at('restartPolicyRules'), rules.length, 20);
  for (const [i, { action, exitCodes }] of rules.entries()) {
    const here = at('restartPolicyRules')(i);
    if (!RULE_ACTIONS.includes(action)) yield notSupported(here('action'), action ?? '', RULE_ACTIONS);
    if (!exitCodes) {
      yield required(here('exitCodes'), 'must be specified');
      continue;
    }
    if (!OPERATORS.includes(exitCodes.operator))
      yield notSupported(here('exitCodes')('operator'), exitCodes.operator ?? '', OPERATORS);
    if ((exitCodes.values ?? []).length > 255)
      yield tooMany(here('exitCodes')('values'), exitCodes.values!.length, 255);
  }
}
