import type { FieldError } from '../../schemas/meta/field.ts';
import { invalidError } from '../../schemas/meta/invalid.ts';
import { ApiError, type StatusDetails } from '../../schemas/meta/status.ts';
import type { Resource } from '../../schemas/resource.ts';

/** The refusals of the API machinery, word for word. Source: apimachinery pkg/api/errors. */
interface Named {
  readonly group: string;
  readonly resource: string;
}
const details = (group: string, kind: string, name: string, more?: Partial<StatusDetails>): StatusDetails => ({
  ...(name !== '' && { name }),
  ...(group !== '' && { group }),
  ...(kind !== '' && { kind }),
  ...more,
});
/** `deployments.apps`, `pods`. */
export const qualified = (group: string, resource: string): string =>
  group === '' ? resource : `${resource}.${group}`;

/** The server failed before it came to the API: HTTPS says so in plain words and not in a Status. Source: apiserver responsewriters InternalError. */
export class InternalFailure extends ApiError {}
/** What a browser might take for markup is spelled out. Source: apiserver responsewriters/errors.go sanitizer. */
export const withoutMarkup = (text: string): string =>
  /[&<>]/.test(text) ? text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;') : text;
export const notFound = (r: Named, name: string): ApiError =>
  new ApiError('NotFound', `${qualified(r.group, r.resource)} "${name}" not found`, {
    details: details(r.group, r.resource, name),
  });
export const alreadyExists = (r: Named, name: string): ApiError =>
  new ApiError('AlreadyExists', `${qualified(r.group, r.resource)} "${name}" already exists`, {
    details: details(r.group, r.resource, name),
  });
export const generateNameExhausted = (r: Named, name: string): ApiError =>
  new ApiError(
    'AlreadyExists',
    `${qualified(r.group, r.resource)} "${name}" already exists, the server was not able to generate a unique name for the object`,
    { details: details(r.group, r.resource, name, { retryAfterSeconds: 1 }) },
  );
export const MODIFIED = 'the object has been modified; please apply your changes to the latest version and try again';
export const conflict = (r: Named, name: string, why: string = MODIFIED): ApiError =>
  new ApiError('Conflict', `Operation cannot be fulfilled on ${qualified(r.group, r.resource)} "${name}": ${why}`, {
    details: details(r.group, r.resource, name),
  });
export const badRequest = (message: string): ApiError => new ApiError('BadRequest', message);
export const unknownPath = (): ApiError =>
  new ApiError('NotFound', 'the server could not find the requested resource', { details: {} });
export const methodNotAllowed = (): ApiError =>
  new ApiError('MethodNotAllowed', 'the server does not allow this method on the requested resource', { details: {} });
export const forbidden = (r: Named, name: string, why: string): ApiError =>
  new ApiError(
    'Forbidden',
    r.resource === ''
      ? `forbidden: ${why}`
      : `${qualified(r.group, r.resource)}${name === '' ? '' : ` "${name}"`} is forbidden: ${why}`,
    { details: details(r.group, r.resource, name) },
  );

export const invalidKind = invalidError;
export const invalid = (r: Pick<Resource, 'group' | 'kind'>, name: string, errors: readonly FieldError[]): ApiError =>
  invalidKind(r.group, r.kind, name, errors);
export const internalError = (why: string, cause?: unknown): ApiError =>
  new ApiError('InternalError', `Internal error occurred: ${why}`, { cause, details: { causes: [{ message: why }] } });
/** An error without a reason, as the real server has for what it did not foresee. */
export const plain = (message: string): ApiError => new ApiError('', message);
export const badVersion = (text: string): ApiError =>
  plain(`strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`);
