import type { BoundObjectReference, TokenRequest } from '../../../schemas/generated/authentication-v1.ts';
import type { Node, Pod, Secret, ServiceAccount } from '../../../schemas/generated/core-v1.ts';
import { fieldPath, invalid } from '../../../schemas/meta/field.ts';
import type { FieldError } from '../../../schemas/meta/field.ts';
import { parseApiVersion, type DynamicObject, type KubeObject } from '../../../schemas/meta/object.ts';
import { ApiError } from '../../../schemas/meta/status.ts';
import { formatTime } from '../../../schemas/meta/time.ts';
import type { Registry } from '../../../schemas/resource.ts';
import type { World } from '../../../bus/world.ts';
import type { ApiRequest, CacheReader, VirtualCreate } from '../request.ts';
import type { ServiceAccountTokens } from './service-account-tokens.ts';

const GROUP = 'authentication.k8s.io';
/** Asked for by the kubelet for projected tokens: such tokens live a year and only warn, for old clients' sake. */
const WARN_ONLY_SECONDS = 60 * 60 + 7;
const EXTENDED_SECONDS = 365 * 24 * 60 * 60;
const DEFAULT_SECONDS = 60 * 60;

interface Bound {
  readonly pod?: Pod;
  readonly secret?: Secret;
  readonly node?: Node | { readonly metadata: { readonly name: string; readonly uid?: string } };
}

/** `create` of serviceaccounts/token. Source: kubernetes pkg/registry/core/serviceaccount/storage/token.go. */
export function createTokenRequest({
  registry,
  cache,
  world,
  tokens,
  fresh,
}: {
  readonly registry: Registry;
  readonly cache: CacheReader;
  readonly world: World;
  readonly tokens: ServiceAccountTokens;
  readonly fresh?: (() => Promise<void>) | undefined;
}): VirtualCreate {
  const find = async <T extends KubeObject>(resource: string, namespace: string, name: string): Promise<T> => {
    const kind = registry.lookup({ group: '', version: 'v1', resource })!;
    let found = cache.get<T>(kind, namespace, name);
    if (found === undefined) {
      await fresh?.();
      found = cache.get<T>(kind, namespace, name);
    }
    if (found === undefined)
      throw new ApiError('NotFound', `${resource} ${JSON.stringify(name)} not found`, {
        details: { name, kind: resource },
      });
    return found;
  };
  const bind = async (ref: BoundObjectReference, account: ServiceAccount): Promise<Bound> => {
    const { group, version } = parseApiVersion(ref.apiVersion ?? '');
    const namespace = account.metadata.namespace ?? '';
    const name = ref.name ?? '';
    if (group === '' && ref.kind === 'Secret') return { secret: await find<Secret>('secrets', namespace, name) };
    if (group === '' && ref.kind === 'Node') return { node: await find<Node>('nodes', '', name) };
    if (group !== '' || ref.kind !== 'Pod')
      throw new ApiError(
        'BadRequest',
        `cannot bind token to object of type ${group}/${version}, Kind=${ref.kind ?? ''}`,
      );
    const pod = await find<Pod>('pods', namespace, name);
    const own = account.metadata.name ?? '';
    if (pod.spec?.serviceAccountName !== own)
      throw new ApiError(
        'BadRequest',
        `cannot bind token for serviceaccount ${JSON.stringify(own)} to pod running with different serviceaccount name.`,
      );
    const on = pod.spec.nodeName;
    const nodes = registry.lookup({ group: '', version: 'v1', resource: 'nodes' })!;
    const node = on ? (cache.get<Node>(nodes, '', on) ?? { metadata: { name: on } }) : undefined;
    return { pod, ...(node && { node }) };
  };
  const create = async (request: ApiRequest, object: DynamicObject): Promise<DynamicObject> => {
    const asked = object as unknown as TokenRequest;
    const { name, namespace } = request.info;
    const given = object.metadata ?? {};
    if (given.name && given.name !== name)
      throw refused(name, [
        invalid(fieldPath('metadata.name'), given.name, 'must match the service account name if specified'),
      ]);
    const account = await find<ServiceAccount>('serviceaccounts', namespace, name);
    const uid = account.metadata.uid ?? '';
    if (given.uid && given.uid !== uid)
      throw conflict('TokenRequest', name, GROUP, `the UID in the token request (${given.uid}) does not match the UID of the service account (${uid})`); // prettier-ignore
    const seconds = asked.spec?.expirationSeconds ?? DEFAULT_SECONDS;
    const at = fieldPath('spec')('expirationSeconds');
    if (seconds < 600) throw refused('', [invalid(at, seconds, 'may not specify a duration less than 10 minutes')]);
    if (seconds > 2 ** 32)
      throw refused('', [invalid(at, seconds, 'may not specify a duration larger than 2^32 seconds')]);
    const wanted: readonly string[] = asked.spec?.audiences ?? [];
    const audiences = wanted.length > 0 ? wanted : tokens.audiences;
    const ref = asked.spec?.boundObjectRef ?? undefined;
    const bound: Bound = ref === undefined ? {} : await bind(ref, account);
    if (ref !== undefined) {
      const target = (bound.pod ?? bound.secret ?? bound.node)?.metadata;
      if (ref.uid && ref.uid !== target?.uid)
        throw conflict(ref.kind ?? '', ref.name ?? '', '', `the UID in the bound object reference (${ref.uid}) does not match the UID in record. The object might have been deleted and then recreated`); // prettier-ignore
    }
    const nowMs = world.clock.now();
    const extended =
      bound.pod !== undefined && seconds === WARN_ONLY_SECONDS && audiences.every((a) => tokens.audiences.includes(a));
    const id = world.ids.uuid();
    request.audit?.annotate('authentication.kubernetes.io/issued-credential-id', `JTI=${id}`);
    const { name: _name, namespace: _namespace, uid: _uid, creationTimestamp: _made, ...others } = given;
    const token = tokens.issue({
      id,
      account,
      ...bound,
      audiences,
      expirationSeconds: extended ? EXTENDED_SECONDS : seconds,
      warnAfterSeconds: extended ? seconds : undefined,
    });
    return {
      ...object,
      metadata: { name, namespace, uid, creationTimestamp: formatTime(nowMs), ...others },
      spec: { ...asked.spec, audiences: [...audiences], expirationSeconds: seconds, boundObjectRef: ref ?? null },
      status: { token, expirationTimestamp: formatTime(nowMs + seconds * 1000) },
    };
  };
  const defaults = (object: DynamicObject): void => {
    const spec = (object['spec'] ??= {}) as { expirationSeconds?: number };
    spec.expirationSeconds ??= DEFAULT_SECONDS;
  };
  return Object.assign(create, { defaults });
}

function refused(name: string, errors: readonly FieldError[]): ApiError {
  const text = errors.map((e) => `${e.field}: ${e.message}`).join(', ');
  return new ApiError('Invalid', `TokenRequest.${GROUP} ${JSON.stringify(name)} is invalid: ${text}`, {
    details: { ...(name && { name }), group: GROUP, kind: 'TokenRequest', causes: errors },
  });
}
const conflict = (kind: string, name: string, group: string, why: string): ApiError =>
  new ApiError(
    'Conflict',
    `Operation cannot be fulfilled on ${kind}${group && `.${group}`} ${JSON.stringify(name)}: ${why}`,
    { details: { name, ...(group && { group }), kind } },
  );
