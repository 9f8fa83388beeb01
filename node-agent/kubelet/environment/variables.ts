import type { ConfigMap, Container, EnvVarSource, Pod, Secret, Service } from '../../../schemas/generated/core-v1.ts';
import { fromBase64 } from '../../../schemas/core/base64.ts';
import { podField, resourceField, type PodAddresses } from '../../../schemas/helpers/pod-fields.ts';
import { reasonOf } from '../../../schemas/meta/status.ts';
import { goQuote } from '../../../schemas/meta/go-quote.ts';
import { expand, type Variable } from './expansion.ts';
import { serviceVariables } from './services.ts';

/** What variables are made from. */
export interface VariableSources {
  /** Rejects with an ApiError NotFound: there is none. */
  configMap(name: string): Promise<ConfigMap>;
  secret(name: string): Promise<Secret>;
  /** One variable of a file in a volume, '' where it does not set it, and where the file is. */
  fileKey(volume: string, path: string, key: string): Promise<{ readonly value: string; readonly file: string }>;
  readonly services: Iterable<Service>;
  readonly addresses: PodAddresses;
  /** Of the node. */
  readonly allocatable: Readonly<Record<string, string | number>> | undefined;
}

/**
 * A container's variables: those of its services, then its own in the order they are declared, each name once. Rejects
 * with an Error in upstream's words for whatever it names that is not there. Source: kubelet makeEnvironmentVariables.
 */
export async function variablesOf(pod: Pod, container: Container, from: VariableSources): Promise<Variable[]> {
  const links = pod.spec?.enableServiceLinks ?? true;
  const ofServices = serviceVariables(from.services, pod.metadata.namespace ?? '', links);
  const own = new Map<string, string>();
  const lookUp = lookUps(from);
  for (const { configMapRef, secretRef, prefix = '' } of container.envFrom ?? []) {
    const ref = configMapRef ?? secretRef;
    if (ref === undefined) continue;
    const kind = configMapRef === undefined ? 'Secret' : 'ConfigMap';
    const data = await lookUp[kind](ref.name ?? '', ref.optional === true);
    for (const key of data === undefined ? [] : [...data.keys()].sort()) own.set(prefix + key, data!.get(key)!);
  }
  for (const { name, value = '', valueFrom } of container.env ?? []) {
    if (value !== '' || valueFrom === undefined) own.set(name, expand(value, own, ofServices));
    else {
      const resolved = await valueOf(valueFrom, pod, container, from, lookUp);
      if (resolved !== undefined) own.set(name, resolved);
    }
  }
  for (const name of own.keys()) ofServices.delete(name);
  return [...ofServices, ...own].map(([name, value]) => ({ name, value }));
}

type Kind = 'ConfigMap' | 'Secret';
type LookUps = Readonly<Record<Kind, (name: string, optional: boolean) => Promise<ReadonlyMap<string, string> | undefined>>>; // prettier-ignore

/** Each object is asked for once a container. undefined: it is not there, and need not be. */
function lookUps(from: VariableSources): LookUps {
  const known = new Map<string, ReadonlyMap<string, string>>();
  const of =
    <T>(kind: Kind, get: (name: string) => Promise<T>, dataOf: (object: T) => Map<string, string>) =>
    async (name: string, optional: boolean): Promise<ReadonlyMap<string, string> | undefined> => {
      const key = `${kind}/${name}`;
      const before = known.get(key);
      if (before !== undefined) return before;
      let data: ReadonlyMap<string, string>;
      try {
        data = dataOf(await get(name));
      } catch (error) {
        if (optional && reasonOf(error) === 'NotFound') return undefined;
        throw error;
      }
      known.set(key, data);
      return data;
    };
  return {
    ConfigMap: of('ConfigMap', from.configMap, ({ data = {} }) => new Map(Object.entries(data))),
    Secret: of('Secret', from.secret, ({ data = {} }) => new Map(Object.entries(data).map(([key, text]) => [key, fromBase64(text)]))),
  }; // prettier-ignore
}
/** undefined: the variable is not set at all. */
async function valueOf(
  source: EnvVarSource,
  pod: Pod,
  container: Container,
  from: VariableSources,
  lookUp: LookUps,
): Promise<string | undefined> {
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef } = source;
  if (fieldRef !== undefined) return podField(pod, fieldRef.fieldPath, from.addresses);
  if (resourceFieldRef !== undefined) {
    if (from.allocatable === undefined) throw new Error('failed to find node object, expected a node');
    return resourceField(resourceFieldRef, pod, container, from.allocatable);
  }
  const ref = configMapKeyRef ?? secretKeyRef;
  if (ref !== undefined) {
    const kind = configMapKeyRef === undefined ? 'Secret' : 'ConfigMap';
    const { name = '', key, optional = false } = ref;
    const data = await lookUp[kind](name, optional);
    const value = data?.get(key);
    if (value === undefined && !optional)
      throw new Error(`couldn't find key ${key} in ${kind} ${pod.metadata.namespace}/${name}`);
    return value;
  }
  if (fileKeyRef === undefined) return '';
  const { volumeName, path, key, optional = false } = fileKeyRef;
  const { value, file } = await from.fileKey(volumeName, path, key);
  if (value !== '') return value;
  if (optional) return undefined;
  throw new Error(`environment variable key ${goQuote(key)} not found in file ${goQuote(file)}`);
}
