import { createKubeconfigWebhook, type KubeconfigWebhook, type WebhookServer } from '../outbound/kubeconfig-webhook.ts';
import type { AuditBackend } from './batching.ts';
import type { AuditParts } from './sink.ts';

const LIST = Buffer.from('{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{},"items":[');
const END = Buffer.from(']}\n');
/** What each item would say again. */
const TYPE = '"kind":"Event","apiVersion":"audit.k8s.io/v1",';
/** Of an answer, which has nothing to say. */
const MAX_ANSWER_BYTES = 64 * 1024;

/**
 * Sends events to a webhook, in lists. Whatever it answers but a success is repeated four times. Source: apiserver
 * plugin/pkg/audit/webhook.
 */
export function auditWebhook(server: WebhookServer, initialBackoffMs: number): AuditBackend {
  let parts: AuditParts;
  let client: KubeconfigWebhook;
  const ending = new AbortController();
  return {
    isRemote: true,
    begin(given) {
      parts = given;
      const { world } = given;
      client = createKubeconfigWebhook({ world, server, initialBackoffMs, maxBytes: MAX_ANSWER_BYTES, repeats: () => true }); // prettier-ignore
    },
    async process(lines) {
      try {
        const items = lines.map((line) => line.replace(TYPE, ''));
        await client.post(Buffer.concat([LIST, Buffer.from(items.join(',')), END]), ending.signal);
        return true;
      } catch (error) {
        parts.failed('webhook', lines.length, (error as Error).message);
        return false;
      }
    },
    close() {
      ending.abort(new Error('the server is shutting down'));
      client.close();
      return Promise.resolve();
    },
  };
}
