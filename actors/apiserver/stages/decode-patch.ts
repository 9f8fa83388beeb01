import { JsonSyntaxError, parseJson } from '../../../schemas/codec/json.ts';
import { ApiError } from '../../../schemas/meta/status.ts';
import type { ResourceRequest } from '../core.ts';
import { badRequest } from '../errors.ts';

/** The patch itself, before it is applied. Throws BadRequest with the decoder's text. */
export async function parsePatch(request: ResourceRequest): Promise<unknown> {
  const { body, patchType } = request;
  if (body === undefined) throw badRequest('the body is missing');
  if ('value' in body) return body.value;
  if (patchType === 'apply') {
    const { parseYaml } = await import('../../../schemas/codec/yaml.ts');
    try {
      const { value, duplicates } = await parseYaml(body.bytes);
      if (duplicates.length > 0)
        throw badRequest(
          `error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:\n${duplicates.map((d) => `  ${d}`).join('\n')}`,
        );
      return value;
    } catch (error) {
      if (!(error instanceof JsonSyntaxError)) throw error;
      throw new ApiError('BadRequest', `error decoding YAML: error converting YAML to JSON: ${error.message}`, {
        cause: error,
      });
    }
  }
  try {
    const { value, duplicates } = parseJson(body.bytes);
    if (duplicates.length > 0 && patchType === 'strategic') warn(request, duplicates, value);
    return value;
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    throw new ApiError('BadRequest', patchType === 'json' ? `error decoding patch: ${error.message}` : error.message, {
      cause: error,
    });
  }
}
function warn(request: ResourceRequest, problems: readonly string[], _value: unknown): void {
  if ((request.query.get('fieldValidation') || 'Warn') === 'Warn') request.warnings.push(...problems);
}
