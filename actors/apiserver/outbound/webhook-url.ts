/** Where a webhook is asked: at an address, or at a service's. */
interface Target {
  readonly url?: string | undefined;
  readonly service?: WebhookService | undefined;
}
export interface WebhookService {
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
  readonly path?: string | undefined;
  readonly port?: number | undefined;
}
const DEFAULT_PORT = 443;
export const portOf = ({ port = DEFAULT_PORT }: WebhookService): number => port;
/** Its URL; how long the client waits is told to the other side. Source: apiserver pkg/util/webhook client.go, client-go rest/request.go. */
export function webhookUrl({ url = '', service }: Target, seconds: number): string {
  const query = `?timeout=${seconds}s`;
  if (service === undefined) return `${url}${/^https:\/\/[^/]*$/.test(url) ? '/' : ''}${query}`;
  const { namespace = '', name = '', path = '' } = service;
  return `https://${name}.${namespace}.svc:${portOf(service)}${path.startsWith('/') ? path : `/${path}`}${query}`;
}
