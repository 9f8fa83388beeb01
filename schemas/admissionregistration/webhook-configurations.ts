import { defineResource, type Errors, type ResourceDefinition } from '../define.ts';
import type {
  MutatingWebhook, MutatingWebhookConfiguration, ValidatingWebhook, ValidatingWebhookConfiguration,
} from '../generated/admissionregistration-v1.ts'; // prettier-ignore
import { problems } from '../helpers/checks.ts';
import { steppedValidation, type SteppedErrors } from '../helpers/stepped-validation.ts';
import { webhookService, webhookUrl } from '../helpers/webhook-client.ts';
import { duplicate, fieldPath, invalid, required, type FieldPath } from '../meta/field.ts';
import { dns1035Label, dnsSubdomain } from '../meta/names.ts';
import { validateLabelSelector } from '../meta/selectors.ts';
import { equal } from '../meta/equal.ts';
import { age } from '../meta/time.ts';
import { loadExpressions } from './expression-loading.ts';
import {
  failurePolicy,
  matchPolicy,
  oneOf,
  REINVOCATION_POLICIES,
  validateMatchConditions,
  validateRule,
} from './rules.ts';

const DEFAULT_TIMEOUT_SECONDS = 10;
const MAX_TIMEOUT_SECONDS = 30;
const DEFAULT_PORT = 443;
const SIDE_EFFECTS = ['None', 'NoneOnDryRun'];
const REVIEW_VERSIONS = ['v1', 'v1beta1'];
type Configuration = ValidatingWebhookConfiguration | MutatingWebhookConfiguration;
type Webhook = ValidatingWebhook & Pick<MutatingWebhook, 'reinvocationPolicy'>;

function configuration<T extends Configuration>(resource: string, isMutating: boolean): ResourceDefinition<T> {
  const validation = steppedValidation<T>(validateConfiguration);
  return defineResource<T>({
    group: 'admissionregistration.k8s.io', version: 'v1', resource,
    metadataChecks: ['whole'],
    anyFinalizers: true,
    tracksGeneration: true,
    countsEmpties: true,
    beforeValidation(draft, giveWay, old) {
      if (!draft.webhooks?.some((hook) => hook.matchConditions?.length)) return undefined;
      const find = (): Promise<void> | undefined => validation.before(draft, giveWay, old);
      const loading = loadExpressions();
      return loading ? loading.then(find) : find();
    },
    requiresResourceVersionOnUpdate: true,

    /** Source: pkg/apis/admissionregistration/v1 SetDefaults_ValidatingWebhook. */
    defaults(draft) {
      for (const hook of (draft.webhooks ?? []) as Webhook[]) {
        hook.failurePolicy ??= 'Fail';
        hook.matchPolicy ??= 'Equivalent';
        hook.namespaceSelector ??= {};
        hook.objectSelector ??= {};
        hook.timeoutSeconds ??= DEFAULT_TIMEOUT_SECONDS;
        if (isMutating) hook.reinvocationPolicy ??= 'Never';
        for (const rule of hook.rules ?? []) rule.scope ??= '*';
        if (hook.clientConfig?.service) hook.clientConfig.service.port ??= DEFAULT_PORT;
      }
      return draft;
    },
    *validate(draft, _at, old) {
      yield* validation.now(draft, old);
    },
    cells: ({ metadata, webhooks }, now) => [metadata.name ?? '', webhooks?.length ?? 0, age(metadata.creationTimestamp, now)],
  }); // prettier-ignore
}
export const validatingWebhookConfiguration = configuration<ValidatingWebhookConfiguration>(
  'validatingwebhookconfigurations',
  false,
);
export const mutatingWebhookConfiguration = configuration<MutatingWebhookConfiguration>(
  'mutatingwebhookconfigurations',
  true,
);

/** Source: pkg/apis/admissionregistration/validation validateMutatingWebhook. */
function* validateWebhook(hook: Webhook, at: FieldPath, conditionsAreKept: boolean): SteppedErrors {
  yield* validateName(hook.name ?? '', at('name'));
  for (const [i, rule] of (hook.rules ?? []).entries()) yield* validateRule(rule, at('rules')(i));
  yield* failurePolicy(hook.failurePolicy, at('failurePolicy'));
  yield* matchPolicy(hook.matchPolicy, at('matchPolicy'));
  if (hook.sideEffects === undefined || hook.sideEffects === null)
    yield required(at('sideEffects'), `must specify one of ${SIDE_EFFECTS.join(', ')}`);
  else yield* oneOf(hook.sideEffects, SIDE_EFFECTS, at('sideEffects'));
  const timeout = hook.timeoutSeconds;
  if (timeout !== undefined && (timeout > MAX_TIMEOUT_SECONDS || timeout < 1))
    yield invalid(at('timeoutSeconds'), timeout, 'the timeout value must be between 1 and 30 seconds');
  if (hook.namespaceSelector) yield* validateLabelSelector(hook.namespaceSelector, at('namespaceSelector'));
  if (hook.objectSelector) yield* validateLabelSelector(hook.objectSelector, at('objectSelector'));
  yield* oneOf(hook.reinvocationPolicy, REINVOCATION_POLICIES, at('reinvocationPolicy'));
  const { url, service } = hook.clientConfig ?? {};
  if ((url === undefined) === (service === undefined))
    yield required(at('clientConfig'), 'exactly one of url or service is required');
  else if (url !== undefined) yield* webhookUrl(url, at('clientConfig')('url'));
  else if (service) yield* webhookService(service, at('clientConfig')('service'));
  if (!conditionsAreKept) yield* validateMatchConditions(hook.matchConditions ?? [], at('matchConditions'));
}
/** In steps: many long conditions take seconds. */
function* validateConfiguration({ webhooks }: Configuration, old: Configuration | undefined): SteppedErrors {
  const names = new Set<string>();
  const before = old?.webhooks;
  // Conditions are looked at again only if one of them changes.
  const areKept = before?.length === (webhooks?.length ?? 0) && before.every((hook, i) => equal(hook.matchConditions, webhooks?.[i]?.matchConditions));
  for (const [i, hook] of ((webhooks ?? []) as Webhook[]).entries()) {
    const here = fieldPath('webhooks')(i);
    yield* validateWebhook(hook, here, old !== undefined && areKept);
    yield* validateReviewVersions(hook.admissionReviewVersions ?? [], here('admissionReviewVersions'));
    if (hook.name && names.has(hook.name)) yield duplicate(here('name'), hook.name);
    names.add(hook.name);
  }
} // prettier-ignore
/** Source: apimachinery pkg/util/validation IsFullyQualifiedName. */
function* validateName(name: string, at: FieldPath): Errors {
  const found = dnsSubdomain(name);
  if (name === '') yield required(at);
  else if (found.length > 0) yield invalid(at, name, found.join(','));
  else if (name.split('.').length < 3)
    yield invalid(at, name, 'should be a domain with at least three segments separated by dots');
}
function* validateReviewVersions(versions: readonly string[], at: FieldPath): Errors {
  const accepted = REVIEW_VERSIONS.join(', ');
  if (versions.length === 0) {
    yield required(at, `must specify one of ${accepted}`);
    return;
  }
  for (const [i, version] of versions.entries())
    if (versions.indexOf(version) < i) yield invalid(at(i), version, 'duplicate version');
    else yield* problems(dns1035Label(version), version, at(i));
  if (!versions.some((version) => REVIEW_VERSIONS.includes(version)))
    yield invalid(at, versions, `must include at least one of ${accepted}`);
}
