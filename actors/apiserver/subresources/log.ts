import { NODE_SILENCE_MS, type LogRequest } from '../../../bus/protocol/node.ts';
import * as subjects from '../../../bus/subjects.ts';
import { containersOf } from '../../../schemas/core/pod-containers.ts';
import {
  fieldPath,
  forbidden,
  invalid as invalidField,
  noField,
  type FieldError,
} from '../../../schemas/meta/field.ts';
import { canonicalTime } from '../../../schemas/meta/time.ts';
import { ApiError, reasonOf } from '../../../schemas/meta/status.ts';
import type { Pod } from '../../../schemas/generated/core-v1.ts';
import type { Answer, ByteSource, Core, ResourceRequest } from '../core.ts';
import { badRequest, internalError, invalidKind, notFound, plain } from '../errors.ts';
import { hostPort, type BackendAnswer } from '../outbound/backend.ts';
import { integer } from '../verbs/list.ts';
import { kubeletLocation } from './kubelet-location.ts';

export const flag = (query: URLSearchParams, name: string): boolean => {
  const value = query.get(name);
  return value !== null && value !== 'false' && value !== '0';
};

/** `get` of pods/log. Source: pkg/registry/core/pod/strategy.go LogLocation, pkg/apis/core/validation ValidatePodLogOptions. */
export async function getLog(core: Core, request: ResourceRequest): Promise<Answer> {
  const { resource, info, query } = request;
  const at = { tailLines: number(query, 'tailLines'), limitBytes: number(query, 'limitBytes'), sinceSeconds: number(query, 'sinceSeconds') }; // prettier-ignore
  const sinceTime = query.get('sinceTime') || undefined;
  if (sinceTime !== undefined) checkTime(sinceTime);
  const errors = [...check(at, sinceTime), ...checkStream(query)];
  if (errors.length > 0) throw invalidKind('', 'PodLogOptions', info.name, errors);
  await core.barrier();
  const pod = core.cache.get<Pod & { metadata: { name: string } }>(resource, info.namespace, info.name);
  if (pod === undefined) throw notFound(resource, info.name);
  const container = containerOf(pod, query.get('container') ?? '');
  const node = pod.spec?.nodeName ?? '';
  if (node === '') return text(undefined);
  const wanted: LogRequest = {
    namespace: info.namespace,
    name: info.name,
    uid: pod.metadata.uid ?? '',
    container,
    follow: flag(query, 'follow'),
    previous: flag(query, 'previous'),
    timestamps: flag(query, 'timestamps'),
    ...(at.tailLines !== undefined && { tailLines: at.tailLines }),
    ...(at.limitBytes !== undefined && { limitBytes: at.limitBytes }),
    ...(at.sinceSeconds !== undefined && { sinceSeconds: at.sinceSeconds }),
    ...(sinceTime !== undefined && { sinceTime }),
  };
  try {
    return text(await core.bus.open(subjects.node(node, 'logs'), wanted, { silenceMs: NODE_SILENCE_MS }));
  } catch (error) {
    if (reasonOf(error) !== 'ServiceUnavailable') throw error;
    return text(await logOverHttps(core, request, wanted));
  }
}
/** Of a node whose agent is not on the bus. Throws Go's text. Source: LogLocation, genericrest.LocationStreamer. */
async function logOverHttps(core: Core, { resource }: ResourceRequest, wanted: LogRequest): Promise<ByteSource> {
  const pod = core.cache.get<Pod>(resource, wanted.namespace, wanted.name);
  const to = kubeletLocation(core, pod?.spec?.nodeName ?? '', resource);
  const query = new URLSearchParams();
  for (const name of ['follow', 'limitBytes', 'previous', 'sinceSeconds', 'sinceTime', 'tailLines', 'timestamps'] as const)
    if (wanted[name] !== undefined && wanted[name] !== false) query.set(name, String(wanted[name]));
  const path = `/containerLogs/${wanted.namespace}/${wanted.name}/${wanted.container}`;
  const target = query.size > 0 ? `${path}?${query.toString()}` : path;
  const headers = ['Host', hostPort(to)];
  const answer = await core.backend({ to, method: 'GET', target, headers }).catch((error: unknown) => {
    throw plain(`Get ${JSON.stringify(`https://${hostPort(to)}${target}`)}: ${(error as Error).message}`);
  });
  if (answer.status >= 300) throw await refusal(answer);
  const ended = new AbortController();
  answer.body.on('close', () => ended.abort());
  return { frames: () => answer.body, close: answer.end, signal: ended.signal };
} // prettier-ignore
/** What the kubelet says becomes ours. Source: GenericHttpResponseChecker. */
async function refusal({ status, body }: BackendAnswer): Promise<ApiError> {
  let said = '';
  for await (const chunk of body) said += String(chunk);
  if (status === 500) return internalError(said);
  if (status === 401) return new ApiError('Unauthorized', 'the server has asked for the client to provide credentials');
  return new ApiError('', said, { code: status });
}
const text = (session: ByteSource | undefined): Answer => ({ type: 'stream', contentType: 'text/plain', session });

function number(query: URLSearchParams, name: string): number | undefined {
  const value = query.get(name);
  return value === null || value === '' ? undefined : integer(value);
}
function* check(
  { tailLines, limitBytes, sinceSeconds }: Readonly<Record<string, number | undefined>>,
  sinceTime: string | undefined,
): Generator<FieldError> {
  if (tailLines !== undefined && tailLines < 0)
    yield invalidField(fieldPath('tailLines'), tailLines, 'must be greater than or equal to 0');
  if (limitBytes !== undefined && limitBytes < 1)
    yield invalidField(fieldPath('limitBytes'), limitBytes, 'must be greater than 0');
  if (sinceSeconds !== undefined && sinceTime !== undefined)
    yield forbidden(noField(), 'at most one of `sinceTime` or `sinceSeconds` may be specified');
  else if (sinceSeconds !== undefined && sinceSeconds < 1)
    yield invalidField(fieldPath('sinceSeconds'), sinceSeconds, 'must be greater than 0');
}
function checkTime(text: string): void {
  try {
    canonicalTime(text);
  } catch (error) {
    throw badRequest((error as Error).message);
  }
}
/** Without the feature PodLogsQuerySplitStreams, which is off by default. */
function* checkStream(query: URLSearchParams): Generator<FieldError> {
  if (query.has('stream')) yield forbidden(fieldPath('stream'), 'may not be specified');
}
/** Source: pkg/registry/core/pod/strategy.go validateContainer. */
export function containerOf({ metadata, spec = { containers: [] } }: Pod, asked: string): string {
  const name = metadata?.name ?? '';
  const names = [...containersOf(spec, fieldPath())].map(([c]) => c.name);
  if (asked !== '') {
    if (names.includes(asked)) return asked;
    throw badRequest(`container ${asked} is not valid for pod ${name}`);
  }
  if (spec.containers.length === 1) return spec.containers[0]!.name;
  throw badRequest(`a container name must be specified for pod ${name}, choose one of: [${names.join(' ')}]`);
}
