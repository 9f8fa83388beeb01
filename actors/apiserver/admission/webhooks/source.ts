import type {
  MutatingWebhook, MutatingWebhookConfiguration, ValidatingWebhook, ValidatingWebhookConfiguration,
} from '../../../../schemas/generated/admissionregistration-v1.ts'; // prettier-ignore
import type { AdmissionContext } from '../common.ts';

export type Webhook = ValidatingWebhook & Pick<MutatingWebhook, 'reinvocationPolicy'>;
/** One webhook of one configuration. */
export interface Hook {
  /** Tells apart webhooks of the same name. */
  readonly id: string;
  readonly configuration: string;
  readonly webhook: Webhook;
}
/**
 * The webhooks of all configurations of a sort, those by name and within one as written; read from this server's own
 * cache when something has changed, so a configuration counts as soon as its change is heard of.
 * Source: apiserver pkg/admission/configuration.
 */
export function hookSource(context: AdmissionContext, resourceName: string): () => readonly Hook[] {
  const resource = context.registry.lookup({
    group: 'admissionregistration.k8s.io',
    version: 'v1',
    resource: resourceName,
  })!;
  let known: readonly Hook[] | undefined;
  context.cache.onChange(resource, () => (known = undefined));
  const read = (): readonly Hook[] =>
    [...context.cache.list<ValidatingWebhookConfiguration | MutatingWebhookConfiguration>(resource)]
      .sort((a, b) => ((a.metadata?.name ?? '') < (b.metadata?.name ?? '') ? -1 : 1))
      .flatMap(({ metadata, webhooks }) => {
        const configuration = metadata?.name ?? '';
        return ((webhooks ?? []) as Webhook[]).map((webhook, i) => ({
          id: `${configuration}/${webhook.name}/${i}`,
          configuration,
          webhook,
        }));
      });
  return () => (known ??= read());
}
