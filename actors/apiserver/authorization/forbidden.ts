import { goQuote } from '../../../schemas/meta/go-quote.ts';
import { ApiError, type StatusDetails } from '../../../schemas/meta/status.ts';
import { withoutMarkup } from '../errors.ts';
import type { RequestInfo, UserInfo } from '../request.ts';

/** What a refused request is told, without the part that names the object. Source: apiserver responsewriters/errors.go. */
function forbiddenMessage(user: UserInfo, info: RequestInfo): string {
  const who = goQuote(user.name);
  if (!info.isResource) return `User ${who} cannot ${info.verb} path ${goQuote(info.path)}`;
  const resource = info.subresource === '' ? info.resource : `${info.resource}/${info.subresource}`;
  const where = info.namespace === '' ? 'at the cluster scope' : `in the namespace ${goQuote(info.namespace)}`;
  return `User ${who} cannot ${info.verb} resource ${goQuote(resource)} in API group ${goQuote(info.group)} ${where}`;
}

/** The 403 for a request that no authorizer allowed. `reason` is the authorizers' (Decision.reason). */
export function forbidden(user: UserInfo, info: RequestInfo, reason: string): ApiError {
  const text = withoutMarkup(forbiddenMessage(user, info)) + (reason === '' ? '' : `: ${reason}`);
  if (!info.isResource) return new ApiError('Forbidden', `forbidden: ${text}`, { details: {} });
  return forbiddenObject(info.group, info.resource, info.name, text);
}

/** `pods "p" is forbidden: <text>`. Source: apimachinery pkg/api/errors NewForbidden. */
export function forbiddenObject(group: string, resource: string, name: string, text: string): ApiError {
  const qualified = group === '' ? resource : `${resource}.${group}`;
  const details: StatusDetails = { ...(name && { name }), ...(group && { group }), kind: resource };
  const object = name === '' ? qualified : `${qualified} ${JSON.stringify(name)}`;
  return new ApiError('Forbidden', `${object} is forbidden: ${text}`, { details });
}
