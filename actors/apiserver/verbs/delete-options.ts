import { fieldPath, invalid as invalidField, notSupported, type FieldError } from '../../../schemas/meta/field.ts';
import { isRecord } from './records.ts';
import type { ResourceRequest } from '../core.ts';
import { badRequest, invalidKind } from '../errors.ts';
import { parse } from '../stages/decode.ts';

export interface DeleteOptions {
  readonly gracePeriodSeconds?: number | undefined;
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string } | undefined;
  readonly orphanDependents?: boolean | undefined;
  readonly propagationPolicy?: string | undefined;
  readonly dryRun?: readonly string[] | undefined;
}
const POLICIES = ['Foreground', 'Background', 'Orphan'];

/** Of the body if there is one, else of the query. Throws BadRequest, Invalid. Source: apiserver handlers/delete.go. */
export async function deleteOptions(request: ResourceRequest): Promise<DeleteOptions> {
  const { body } = request;
  const empty = body === undefined || ('value' in body ? body.value === undefined : body.bytes.length === 0);
  const options = empty ? ofQuery(request.query) : ofBody((await parse(body, 'DeleteOptions')).value);
  const errors = [...check(options)];
  if (errors.length > 0) throw invalidKind('meta.k8s.io', 'DeleteOptions', '', errors);
  return options;
}
function ofBody(value: unknown): DeleteOptions {
  if (value === null || value === undefined) return {};
  if (!isRecord(value)) throw badRequest('the body is not DeleteOptions');
  const { kind } = value;
  if (typeof kind === 'string' && kind !== '' && kind !== 'DeleteOptions')
    throw badRequest(`decoded object cannot be converted to DeleteOptions`);
  return value;
}
function ofQuery(query: URLSearchParams): DeleteOptions {
  if (query.size === 0) return {};
  const grace = query.get('gracePeriodSeconds');
  const orphan = query.get('orphanDependents');
  const policy = query.get('propagationPolicy');
  const dryRun = query.getAll('dryRun').filter((v) => v !== '');
  if (grace !== null && grace !== '' && !/^-?\d+$/.test(grace))
    throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(grace)}: invalid syntax`);
  return {
    ...(grace !== null && grace !== '' && { gracePeriodSeconds: Number(grace) }),
    ...(orphan !== null && { orphanDependents: orphan !== 'false' && orphan !== '0' }),
    ...(policy !== null && policy !== '' && { propagationPolicy: policy }),
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
