import { defineResource } from '../define.ts';
import type { APIService } from '../generated/apiregistration-v1.ts';
import { notOneOf, problems } from '../helpers/checks.ts';
import { invalid, required } from '../meta/field.ts';
import { dns1035Label, dnsSubdomain, pathSegment, portNumber } from '../meta/names.ts';
import { age } from '../meta/time.ts';

const DEFAULT_PORT = 443;
const MAX_GROUP_PRIORITY = 20_000;
const MAX_VERSION_PRIORITY = 1000;
const STATUSES = ['True', 'False', 'Unknown'];

export const apiService = defineResource<APIService>({
  group: 'apiregistration.k8s.io', version: 'v1', resource: 'apiservices', storedAsJson: true,
  metadataChecks: ['changes', 'whole'],
  anyFinalizers: true,
  requiresResourceVersionOnUpdate: true,
  tracksGeneration: false,
  validateName: (name) => pathSegment(name),

  defaults(draft) {
    if (draft.spec?.service) draft.spec.service.port ??= DEFAULT_PORT;
    return draft;
  },
  /** A group that the server itself serves is available from the start. */
  prepareForCreate(draft, _writer, now) {
    draft.status = draft.spec?.service
      ? {}
      : { conditions: [{ type: 'Available', status: 'True', ...(now && { lastTransitionTime: now }), reason: 'Local', message: 'Local APIServices are always available' }] };
    return draft;
  },
  prepareForUpdate(draft, old) {
    draft.status = old.status ?? {};
    return draft;
  },

  /** Source: kube-aggregator pkg/apis/apiregistration/validation ValidateAPIService. */
  *validate({ metadata, spec }, path) {
    const { group = '', version = '', groupPriorityMinimum: groupPriority = 0, versionPriority = 0, service, caBundle, insecureSkipTLSVerify: insecure } = spec ?? {};
    const name = metadata.name ?? '';
    const wanted = `${version}.${group}`;
    if (name !== '' && name !== wanted && pathSegment(name).length === 0)
      yield invalid(path('metadata')('name'), name, `must be \`spec.version+"."+spec.group\`: ${JSON.stringify(wanted)}`);
    const at = path('spec');
    if (group === '' && version !== 'v1') yield required(at('group'), 'only v1 may have an empty group and it better be legacy kube');
    if (group !== '') yield* problems(dnsSubdomain(group), group, at('group'));
    yield* problems(dns1035Label(version), version, at('version'));
    if (groupPriority <= 0 || groupPriority > MAX_GROUP_PRIORITY) yield invalid(at('groupPriorityMinimum'), groupPriority, 'must be positive and less than 20000');
    if (versionPriority <= 0 || versionPriority > MAX_VERSION_PRIORITY) yield invalid(at('versionPriority'), versionPriority, 'must be positive and less than 1000');
    if (!service) {
      if (caBundle) yield invalid(at('caBundle'), `${Buffer.from(caBundle, 'base64').length} bytes`, 'local APIServices may not have a caBundle');
      if (insecure) yield invalid(at('insecureSkipTLSVerify'), insecure, 'local APIServices may not have insecureSkipTLSVerify');
      return;
    }
    if (!service.namespace) yield required(at('service')('namespace'));
    if (!service.name) yield required(at('service')('name'));
    const port = portNumber(service.port ?? 0);
    if (port.length > 0) yield invalid(at('service')('port'), service.port, `port is not valid: ${port.join(', ')}`);
    if (insecure && caBundle) yield invalid(at('insecureSkipTLSVerify'), insecure, 'may not be true if caBundle is present');
  },
  *validateStatusUpdate({ status }, _old, path) {
    for (const [i, { status: value }] of (status?.conditions ?? []).entries())
      if (!STATUSES.includes(value)) yield notOneOf(value, STATUSES, path('status')('conditions')(i)('status'));
  },

  repeatsColumns: true,
  cells({ metadata, spec, status }, now) {
    const service = spec?.service;
    const available = status?.conditions?.find((c) => c.type === 'Available');
    const shown = available === undefined ? 'Unknown' : available.status !== 'True' && available.reason ? `${available.status} (${available.reason})` : available.status;
    return [metadata.name ?? '', service ? `${service.namespace ?? ''}/${service.name ?? ''}` : 'Local', shown, age(metadata.creationTimestamp, now)];
  },
}); // prettier-ignore
