import { fromStorage } from '../../../schemas/convert.ts';
import { aggregate } from '../../../schemas/meta/aggregate.ts';
import { formatTime } from '../../../schemas/meta/time.ts';
import { storageKey, type Resource } from '../../../schemas/resource.ts';
import { isDryRun, type Answer, type Core, type Draft, type ResourceRequest } from '../core.ts';
import { badRequest, conflict, notFound, plain } from '../errors.ts';
import { mutate, validateAdmission, type AdmissionInput } from '../stages/admit.ts';
import { decodeObject } from '../stages/decode.ts';
import { matchNamespace } from '../stages/metadata.ts';
import { guaranteed, put, retry, storedForm } from '../stages/persist.ts';
import { writeOptions } from '../verbs/options.ts';
import { expectedKind, SUCCESS } from './expected.ts';
import { withCondition, type Condition } from './pod-condition.ts';

const BINDING = expectedKind('v1', 'Binding');
const PODS = { group: '', version: 'v1', resource: 'pods' };

interface PodSpec {
  nodeName?: string;
  schedulingGates?: readonly unknown[];
}

/** `create` of pods/binding, and of bindings. Source: pkg/registry/core/pod/storage/storage.go BindingREST. */
export async function bind(core: Core, request: ResourceRequest): Promise<Answer> {
  const options = writeOptions(request, 'CreateOptions');
  const draft = await decodeObject(core, request, BINDING);
  const pods = core.registry.lookup(PODS)!;
  matchNamespace(pods, request.info.namespace, draft);
  const name = request.info.name === '' ? (draft.metadata.name ?? '') : request.info.name;
  if (name === '') throw badRequest('Name parameter required.');
  if (draft.metadata.name !== name) throw badRequest('name in URL does not match name in Binding object');
  const input: AdmissionInput = {
    operation: 'CREATE',
    resource: request.resource,
    subresource: request.subresource,
    name,
    object: draft,
    old: undefined,
    options,
  };
  await mutate(core, request, input);
  const node = targetOf(draft);
  await validateAdmission(core, request, input);
  return assign(core, { ...request, resource: pods }, pods, name, node, draft);
}
/** Source: pkg/apis/core/validation ValidatePodBinding. */
function targetOf(draft: Draft): string {
  const target = (draft['target'] ?? {}) as { kind?: string; name?: string };
  const errors: string[] = [];
  if (target.kind && target.kind !== 'Node')
    errors.push(`target.kind: Unsupported value: ${JSON.stringify(target.kind)}: supported values: "Node", "<empty>"`);
  if (!target.name) errors.push('target.name: Required value');
  if (errors.length > 0) throw plain(aggregate(errors));
  return target.name!;
}
function assign(
  core: Core,
  request: ResourceRequest,
  pods: Resource,
  name: string,
  node: string,
  binding: Draft,
): Promise<Answer> {
  const key = storageKey(pods, request.info.namespace, name);
  const refuse = (why: string): Error => conflict({ group: '', resource: 'pods/binding' }, name, why);
  const { uid, resourceVersion } = binding.metadata;
  return guaranteed(core, key, pods, async ({ entry }) => {
    if (entry === undefined) throw notFound(pods, name);
    const old = fromStorage(pods, entry.object) as Draft;
    // Rehearsals look before the prefix of the store is added.
    const shown = isDryRun(request) ? key.replace('/registry', '') : key;
    const unlike = (why: string): Error =>
      conflict(
        pods,
        name,
        `StorageError: invalid object, Code: 4, Key: ${shown}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: ${why}`,
      );
    if (uid && uid !== old.metadata.uid)
      throw unlike(`UID in precondition: ${uid}, UID in object meta: ${old.metadata.uid}`);
    if (resourceVersion && resourceVersion !== old.metadata.resourceVersion)
      throw unlike(
        `ResourceVersion in precondition: ${resourceVersion}, ResourceVersion in object meta: ${old.metadata.resourceVersion}`,
      );
    const spec = (old['spec'] ?? {}) as PodSpec;
    if (old.metadata.deletionTimestamp) throw refuse(`pod ${name} is being deleted, cannot be assigned to a host`);
    if (spec.nodeName) throw refuse(`pod ${name} is already assigned to node ${JSON.stringify(spec.nodeName)}`);
    if (spec.schedulingGates?.length) throw refuse(`pod ${name} has non-empty .spec.schedulingGates`);
    if (isDryRun(request)) return { type: 'object', code: 201, object: SUCCESS };
    const bound = assigned(old, node, binding, formatTime(core.world.clock.now()));
    const written = await put(core, request, key, await storedForm(core, pods, bound), entry.revision);
    return written === undefined ? retry : { type: 'object', code: 201, object: SUCCESS };
  });
}
function assigned(old: Draft, node: string, binding: Draft, now: string): Draft {
  // Nobody need wait for a node any more.
  const { nominatedNodeName: _, ...status } = (old['status'] ?? {}) as {
    conditions?: readonly Condition[];
    nominatedNodeName?: string;
  };
  const conditions = withCondition(status.conditions ?? [], { type: 'PodScheduled', status: 'True' }, now);
  const annotations = { ...old.metadata.annotations, ...binding.metadata.annotations };
  const labels = { ...old.metadata.labels, ...binding.metadata.labels };
  return {
    ...old,
    metadata: {
      ...old.metadata,
      ...(Object.keys(annotations).length > 0 && { annotations }),
      ...(Object.keys(labels).length > 0 && { labels }),
    },
    spec: { ...(old['spec'] as object), nodeName: node },
    status: { ...status, conditions },
  };
}
