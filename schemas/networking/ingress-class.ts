import { defineResource, type Errors } from '../define.ts';
import type { IngressClass, IngressClassParametersReference } from '../generated/networking-v1.ts';
import { notOneOf, problems, requiredSegment } from '../helpers/checks.ts';
import { domainPrefixedPath } from '../helpers/domain-path.ts';
import { immutable } from '../meta/field-checks.ts';
import { forbidden, required, tooLong, type FieldPath } from '../meta/field.ts';
import { byteLength, dnsLabel, dnsSubdomain } from '../meta/names.ts';
import { age } from '../meta/time.ts';

const DEFAULT_ANNOTATION = 'ingressclass.kubernetes.io/is-default-class';
const MAX_CONTROLLER_BYTES = 250;

export const ingressClass = defineResource<IngressClass>({
  group: 'networking.k8s.io', version: 'v1', resource: 'ingressclasses',
  metadataChecks: ['changes', 'whole'],
  tracksGeneration: true,

  defaults(draft) {
    if (draft.spec?.parameters) draft.spec.parameters.scope ??= 'Cluster';
    return draft;
  },
  *validate({ spec }, at) {
    const here = at('spec');
    const controller = spec?.controller ?? '';
    if (byteLength(controller) > MAX_CONTROLLER_BYTES) yield tooLong(here('controller'), MAX_CONTROLLER_BYTES);
    yield* domainPrefixedPath(controller, here('controller'));
    if (spec?.parameters) yield* validateParameters(spec.parameters, here('parameters'));
  },
  changesFirst: true,
  *validateUpdate({ spec }, old, at) {
    yield* immutable(spec?.controller ?? '', old.spec?.controller ?? '', at('spec')('controller'));
  },

  cells({ metadata, spec }, now) {
    const p = spec?.parameters;
    const isDefault = metadata.annotations?.[DEFAULT_ANNOTATION] === 'true';
    return [
      `${metadata.name ?? ''}${isDefault ? ' (default)' : ''}`, spec?.controller ?? '',
      p ? `${p.kind}${p.apiGroup === undefined ? '' : `.${p.apiGroup}`}/${p.name}` : '<none>', age(metadata.creationTimestamp, now),
    ];
  },
}); // prettier-ignore

/** Source: pkg/apis/networking/validation validateIngressClassParametersReference. */
function* validateParameters(
  { apiGroup, kind, name, scope, namespace }: IngressClassParametersReference,
  at: FieldPath,
): Errors {
  if (apiGroup !== undefined) yield* problems(dnsSubdomain(apiGroup), apiGroup, at('apiGroup'));
  yield* requiredSegment(kind, at('kind'));
  yield* requiredSegment(name, at('name'));
  if (scope === undefined) yield required(at('scope'));
  else if (scope === 'Namespace') {
    if (namespace === undefined) yield required(at('namespace'), "`parameters.scope` is set to 'Namespace'");
    else yield* problems(dnsLabel(namespace), namespace, at('namespace'));
  } else if (scope !== 'Cluster') yield notOneOf(scope, ['Cluster', 'Namespace'], at('scope'));
  else if (namespace !== undefined) yield forbidden(at('namespace'), "`parameters.scope` is set to 'Cluster'");
}
