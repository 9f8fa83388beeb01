import { fromStorage, whenConverted } from '../../../../schemas/convert.ts';
import { parseApiVersion, type DynamicObject } from '../../../../schemas/meta/object.ts';
import { selectorFromObject } from '../../../../schemas/meta/selectors.ts';
import type { ParamKind, ParamRef } from '../../../../schemas/generated/admissionregistration-v1.ts';
import { find, type AdmissionContext } from '../common.ts';

/**
 * The parameters by which a binding configures its policy; undefined stands for none where it needs none. Throws Error.
 * Source: apiserver pkg/admission/plugin/policy/generic CollectParams.
 */
export async function collectParams(
  context: AdmissionContext,
  kind: ParamKind | undefined,
  ref: ParamRef | undefined,
  namespace: string,
): Promise<readonly (DynamicObject | undefined)[]> {
  if (kind === undefined || ref === undefined) return [undefined];
  const resource = resourceOf(context, kind);
  if (resource === undefined) throw new Error(`paramKind kind \`&ParamKind{APIVersion:${kind.apiVersion},Kind:${kind.kind},}\` not known`);
  const within = resource.namespaced ? ref.namespace || namespace : '';
  if (resource.namespaced && within === '')
    throw new Error('cannot use namespaced paramRef in policy binding that matches cluster-scoped resources');
  if (!resource.namespaced && ref.namespace)
    throw new Error('paramRef.namespace must not be provided for a cluster-scoped `paramKind`');
  let found: DynamicObject[];
  if (ref.name) {
    const one = await find<DynamicObject>(context, resource, within, ref.name);
    found = one === undefined ? [] : [one];
  } else {
    const selector = selectorFromObject(ref.selector);
    found = [...context.cache.list(resource, within === '' ? undefined : within)].filter((o) => selector.matches(o.metadata.labels));
  }
  if (found.length === 0 && ref.parameterNotFoundAction === 'Deny')
    throw new Error('no params found for policy binding with `Deny` parameterNotFoundAction');
  return Promise.all(
    found.map((object) =>
      whenConverted((): DynamicObject => ({ ...(fromStorage(resource, object) as DynamicObject), kind: kind.kind ?? '', apiVersion: kind.apiVersion ?? '' })),
    ),
  );
} // prettier-ignore
const resourceOf = ({ registry }: AdmissionContext, { apiVersion, kind }: ParamKind) =>
  registry.byKind({ ...parseApiVersion(apiVersion ?? ''), kind: kind ?? '' });
/** Why a policy cannot work at all: nobody serves what configures it. */
export const unknownParamKind = (context: AdmissionContext, kind: ParamKind | undefined): string | undefined => {
  if (kind === undefined || resourceOf(context, kind) !== undefined) return undefined;
  const { group, version } = parseApiVersion(kind.apiVersion ?? '');
  const shown = `${group === '' ? '' : group}/${version}, Kind=${kind.kind}`;
  return `failed to find resource referenced by paramKind: '${shown}'`;
};
