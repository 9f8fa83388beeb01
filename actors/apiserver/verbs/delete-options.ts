import { fieldPath, invalid as invalidField, notSupported, type FieldError } from '../../../schemas/meta/field.ts';
import { apiVersionOf } from '../../../schemas/meta/object.ts';
import { builtinSchemas } from '../../../schemas/structural/builtin.ts';
import { canonical } from '../../../schemas/structural/decode.ts';
import type { ResourceRequest } from '../core.ts';
import { badRequest, invalidKind } from '../errors.ts';
import { claimedType, decodeDetail } from '../stages/claimed-type.ts';
import { decodeSpelled, parse } from '../stages/decode.ts';
import { integer } from './list.ts';

export interface DeleteOptions {
  readonly gracePeriodSeconds?: number | undefined;
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string } | undefined;
  readonly orphanDependents?: boolean | undefined;
  readonly propagationPolicy?: string | undefined;
  readonly dryRun?: readonly string[] | undefined;
  readonly ignoreStoreReadErrorWithClusterBreakingPotential?: boolean | undefined;
}
const POLICIES = ['Foreground', 'Background', 'Orphan'];

/** Of the body if there is one, else of the query. Throws BadRequest, Invalid. Source: apiserver handlers/delete.go. */
export async function deleteOptions(request: ResourceRequest): Promise<DeleteOptions> {
  return checkedOptions(hasBody(request) ? await ofBody(request) : ofQuery(request.query));
}
/** The same, of an eviction too. Throws Invalid. */
export function checkedOptions(options: DeleteOptions): DeleteOptions {
  const errors = [...check(options)];
  if (errors.length > 0) throw invalidKind('meta.k8s.io', 'DeleteOptions', '', errors);
  const grace = options.gracePeriodSeconds;
  return grace !== undefined && grace < 0 ? { ...options, gracePeriodSeconds: 1 } : options;
}
const hasBody = ({ body }: ResourceRequest): boolean =>
  body !== undefined && ('value' in body ? body.value !== undefined : body.bytes.length > 0);
/** The request as a rehearsal or not: where there is a body, its word counts and not that of the query. */
export function rehearsedAs(request: ResourceRequest, options: DeleteOptions): ResourceRequest {
  if (!hasBody(request)) return request;
  const query = new URLSearchParams(request.query);
  query.delete('dryRun');
  if ((options.dryRun?.length ?? 0) > 0) query.set('dryRun', 'All');
  return { ...request, query };
}
const UNRECOGNIZED = 'the object provided is unrecognized (must be of type DeleteOptions): ';
async function ofBody({ body, audit }: ResourceRequest): Promise<DeleteOptions> {
  const parsed = await parse(body, 'DeleteOptions', 'v1').catch((error: unknown) => {
    const { message } = error as Error;
    if (!message.startsWith(UNRECOGNIZED)) throw error;
    throw badRequest(message.slice(UNRECOGNIZED.length).replace(/ \([^()]*\)$/, ''));
  });
  const { value } = parsed;
  if (value === null || value === undefined) return {};
  const claimed = claimedType(value as Readonly<Record<string, unknown>>);
  if (typeof claimed === 'string') throw badRequest(claimed);
  // Those of any group will do.
  if (claimed.kind !== '' && claimed.kind !== 'DeleteOptions')
    throw badRequest(
      `no kind ${JSON.stringify(claimed.kind)} is registered for version ${JSON.stringify(apiVersionOf(claimed) || 'meta.k8s.io/v1')} in scheme "pkg/runtime/scheme.go:111"`,
    );
  try {
    const read = (given: unknown): object => canonical(given, builtinSchemas.definition(DEFINITION)!, builtinSchemas);
    const options = decodeSpelled(body, parsed, read) as DeleteOptions;
    audit?.asks(undefined, () => ({
      kind: 'DeleteOptions',
      apiVersion: 'meta.k8s.io/__internal',
      ...withoutType(options),
    }));
    return options;
  } catch (error) {
    throw badRequest(decodeDetail(error));
  }
}
/** Read into the internal version, which every version becomes. */
const withoutType = ({ kind: _kind, apiVersion: _version, ...rest }: DeleteOptions & { readonly kind?: string; readonly apiVersion?: string }): object => rest; // prettier-ignore
const DEFINITION = 'io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions';
function ofQuery(query: URLSearchParams): DeleteOptions {
  if (query.size === 0) return {};
  const grace = query.get('gracePeriodSeconds');
  const orphan = query.get('orphanDependents');
  const policy = query.get('propagationPolicy');
  const dryRun = query.getAll('dryRun');
  return {
    ...(grace !== null && { gracePeriodSeconds: integer(grace) }),
    ...(orphan !== null && { orphanDependents: orphan.toLowerCase() !== 'false' && orphan !== '0' }),
    ...(policy !== null && { propagationPolicy: policy }),
    ...(dryRun.length > 0 && { dryRun }),
  };
}
/** Source: apimachinery pkg/apis/meta/v1/validation ValidateDeleteOptions. */
function* check(options: DeleteOptions): Generator<FieldError> {
  if (options.propagationPolicy !== undefined && options.orphanDependents !== undefined)
    yield invalidField(
      fieldPath('propagationPolicy'),
      options.propagationPolicy,
      'orphanDependents and deletionPropagation cannot be both set',
    );
  if (options.propagationPolicy !== undefined && !POLICIES.includes(options.propagationPolicy))
    yield notSupported(fieldPath('propagationPolicy'), options.propagationPolicy, [...POLICIES, 'nil']);
  const dryRun = options.dryRun ?? [];
  if (dryRun.some((v) => v !== 'All')) yield notSupported(fieldPath('dryRun'), dryRun, ['All']);
}
