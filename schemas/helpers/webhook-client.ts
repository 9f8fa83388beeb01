import { parseGoUrl } from './go-url.ts';
import { invalid, required, type FieldError, type FieldPath } from '../meta/field.ts';
import { dnsSubdomain, portNumber } from '../meta/names.ts';

/** How a webhook is reached, in all kinds that name one. */
type Errors = Generator<FieldError, void, undefined>;
export interface WebhookService {
  readonly name?: string | undefined;
  readonly namespace?: string | undefined;
  readonly path?: string | undefined;
  readonly port?: number | undefined;
}
const URL_FORM = '; desired format: https://host[/path]';

/** Source: apiserver pkg/util/webhook ValidateWebhookURL. */
export function* webhookUrl(text: string, at: FieldPath): Errors {
  const url = parseGoUrl(text);
  if (typeof url === 'string') {
    yield required(at, `url must be a valid URL: ${url}${URL_FORM}`);
    return;
  }
  const { scheme, host, user, query, fragment } = url;
  if (scheme !== 'https') yield invalid(at, scheme, `'https' is the only allowed URL scheme${URL_FORM}`);
  if (host === '') yield invalid(at, host, `host must be specified${URL_FORM}`);
  if (user !== undefined) yield invalid(at, user, 'user information is not permitted in the URL');
  if (fragment) yield invalid(at, fragment, 'fragments are not permitted in the URL');
  if (query) yield invalid(at, query, 'query parameters are not permitted in the URL');
} // prettier-ignore
/** The two names are swapped in the real server's call: what it says of one is about the other. Source: ValidateWebhookService. */
export function* webhookService({ name, namespace, path, port }: WebhookService, at: FieldPath): Errors {
  if (!namespace) yield required(at('name'));
  if (!name) yield required(at('namespace'));
  const problemsOfPort = portNumber(port ?? 0);
  if (problemsOfPort.length > 0) yield invalid(at('port'), port, `port is not valid: ${problemsOfPort.join(', ')}`);
  if (!path || path === '/') return;
  const here = at('path');
  if (path === '//') {
    yield invalid(here, path, 'segment[0] may not be empty');
    return;
  }
  if (!path.startsWith('/')) yield invalid(here, path, "must start with a '/'");
  for (const [i, step] of path.slice(1).replace(/\/$/, '').split('/').entries())
    if (step === '') yield invalid(here, path, `segment[${i}] may not be empty`);
    else for (const why of dnsSubdomain(step)) yield invalid(here, path, `segment[${i}]: ${why}`);
}
