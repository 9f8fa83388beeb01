import { createHash } from 'node:crypto';
import type { Pod } from '../../../schemas/generated/core-v1.ts';
import { fieldPath } from '../../../schemas/meta/field.ts';
import type { KubeObject } from '../../../schemas/meta/object.ts';
import { neededOfApi } from './references.ts';

/** Annotations by which pods of files, and their mirrors, are known. Source: kubelet types/pod_update.go. */
export const HASH = 'kubernetes.io/config.hash';
export const SOURCE = 'kubernetes.io/config.source';
export const SEEN = 'kubernetes.io/config.seen';
export const MIRROR = 'kubernetes.io/config.mirror';

/**
 * The pod that a file describes, named for its node, with the uid that its content and place come to. Rejects with an
 * Error: it is none, or one that cannot run without the API. Source: kubelet config/common.go tryDecodeSinglePod.
 */
export async function podOfManifest(text: string | Uint8Array, at: { readonly path: string; readonly nodeName: string }): Promise<Pod> {
  const value = await read(text);
  const { apiVersion, kind } = (value ?? {}) as Partial<KubeObject>;
  if (apiVersion !== 'v1' || kind !== 'Pod')
    throw new Error(`${at.path}: couldn't parse as pod(it is ${kind === undefined ? 'of no kind' : `${apiVersion}/${kind}`}), please check config file`);
  const pod = await complete(value);
  const { metadata, spec } = pod;
  if (!metadata.name) throw new Error('invalid pod: name is needed for the pod');
  metadata.uid ||= createHash('sha256').update(JSON.stringify(pod)).update(`host:${at.nodeName}file:${at.path}`).digest('hex').slice(0, 32);
  metadata.name = `${metadata.name}-${at.nodeName.toLowerCase()}`;
  metadata.namespace ||= 'default';
  metadata.annotations = { ...metadata.annotations, [HASH]: metadata.uid, [SOURCE]: 'file' };
  if (spec === undefined) throw new Error('invalid pod: [spec.containers: Required value]');
  spec.nodeName = at.nodeName;
  // Trouble with the node is no reason for it to go.
  if (spec.tolerations?.some(({ key, operator, effect }) => !key && operator === 'Exists' && effect === 'NoExecute') !== true)
    spec.tolerations = [...(spec.tolerations ?? []), { operator: 'Exists', effect: 'NoExecute' }];
  pod.status = { phase: 'Pending' };
  await validate(pod);
  const needed = neededOfApi(pod);
  if (needed !== undefined) throw new Error(`static pods may not reference ${needed}`);
  return pod;
} // prettier-ignore

/** JSON is YAML too. The library and the schemas are loaded with the first manifest. */
async function read(text: string | Uint8Array): Promise<unknown> {
  const { parseYaml } = await import('../../../schemas/codec/yaml.ts');
  return (await parseYaml(text)).value;
}
/** With what is filled in where it says nothing. */
async function complete(value: unknown): Promise<Pod> {
  const [{ decode }, { applyDefaults }, { builtinSchemas }, { schemaNameOf }, { pod: definition }] = await Promise.all([
    import('../../../schemas/structural/decode.ts'),
    import('../../../schemas/structural/default.ts'),
    import('../../../schemas/structural/builtin.ts'),
    import('../../../schemas/schema-names.ts'),
    import('../../../schemas/core/pod.ts'),
  ]);
  const schema = builtinSchemas.definition(schemaNameOf({ group: '', version: 'v1', kind: 'Pod' }))!;
  const { object } = decode(value, schema, builtinSchemas, { kind: 'Pod', version: 'v1' });
  const draft = object as unknown as Pod;
  draft.metadata ??= {};
  return applyDefaults(definition.defaults?.(draft) ?? draft, schema, builtinSchemas);
}
async function validate(pod: Pod): Promise<void> {
  const [{ pod: definition }, { validateMetadata }] = await Promise.all([
    import('../../../schemas/core/pod.ts'),
    import('../../../schemas/meta/metadata.ts'),
  ]);
  const errors = [
    ...validateMetadata(pod.metadata, { namespaced: true, validateName: definition.validateName, custom: false }, fieldPath('metadata')),
    ...(definition.validate?.(pod, fieldPath()) ?? []),
  ]; // prettier-ignore
  if (errors.length > 0)
    throw new Error(`invalid pod: [${errors.map(({ field, message }) => `${field}: ${message}`).join(' ')}]`);
}
