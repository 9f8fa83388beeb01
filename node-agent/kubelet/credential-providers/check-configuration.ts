import { parseDuration } from '../../../schemas/meta/duration.ts';
import { duplicate, fieldPath, forbidden, invalid, notSupported, required, type FieldError, type FieldPath } from '../../../schemas/meta/field.ts'; // prettier-ignore
import { qualifiedName } from '../../../schemas/meta/names.ts';
import type { ProviderConfiguration, TokenAttributes } from './configuration.ts';

/** Versions that a program may speak. */
export const REQUEST_VERSIONS = ['v1', 'v1alpha1', 'v1beta1'].map((v) => `credentialprovider.kubelet.k8s.io/${v}`);
const CACHE_TYPES = ['ServiceAccount', 'Token'];

/** What is wrong with what was read. Source: credentialprovider/plugin config.go validateCredentialProviderConfig. */
export function* check(providers: readonly Partial<ProviderConfiguration>[]): Iterable<FieldError> {
  const at = fieldPath('providers');
  if (providers.length === 0) yield required(at, 'at least 1 item in plugins is required');
  for (const provider of providers) {
    yield* checkName(provider.name ?? '', at('name'));
    const { apiVersion = '', matchImages = [], defaultCacheDuration: duration } = provider;
    if (apiVersion === '') yield required(at('apiVersion'));
    else if (!REQUEST_VERSIONS.includes(apiVersion)) yield notSupported(at('apiVersion'), apiVersion, REQUEST_VERSIONS);
    if (matchImages.length === 0) yield required(at('matchImages'), 'at least 1 item in matchImages is required');
    for (const image of matchImages) {
      const why = notAPlace(image);
      if (why !== undefined) yield invalid(at('matchImages'), image, `match image is invalid: ${why}`);
    }
    if (duration === undefined) yield required(at('defaultCacheDuration'));
    else if ((parseDuration(duration) as bigint) < 0n)
      yield invalid(at('defaultCacheDuration'), duration, 'must be greater than or equal to 0');
    if (provider.tokenAttributes !== undefined)
      yield* checkToken(provider.tokenAttributes, apiVersion, at('tokenAttributes'));
  }
}
function* checkName(name: string, at: FieldPath): Iterable<FieldError> {
  if (name.includes('/')) yield invalid(at, name, "provider name cannot contain '/'");
  if (name.includes(' ')) yield invalid(at, name, 'provider name cannot contain spaces');
  if (name === '.' || name === '..') yield invalid(at, name, `provider name cannot be '${name}'`);
}
/** Why no image could be there, as Go's url.Parse says it. */
function notAPlace(image: string): string | undefined {
  const whole = JSON.stringify(`https://${image}`);
  const [host = ''] = image.split(/[/?#]/, 1);
  if ([...image].some((c) => c < ' ' || c === '\x7f')) return `parse ${whole}: net/url: invalid control character in URL`;
  const strange = /[\s<>"\\^`{|}]/.exec(host)?.[0];
  if (strange !== undefined) return `parse ${whole}: invalid character ${JSON.stringify(strange)} in host name`;
  const port = /:([^:\]]*)$/.exec(host)?.[1];
  if (port !== undefined && !/^\d*$/.test(port)) return `parse ${whole}: invalid port ${JSON.stringify(`:${port}`)} after host`;
  return undefined;
} // prettier-ignore
function* checkToken(token: Partial<TokenAttributes>, apiVersion: string, at: FieldPath): Iterable<FieldError> {
  const { requiredServiceAccountAnnotationKeys: needed = [], optionalServiceAccountAnnotationKeys: wanted = [] } = token;
  if (!token.serviceAccountTokenAudience) yield required(at('serviceAccountTokenAudience'));
  if (token.requireServiceAccount === undefined) yield required(at('requireServiceAccount'));
  if (apiVersion !== REQUEST_VERSIONS[0]) yield forbidden(at, `tokenAttributes is only supported for ${REQUEST_VERSIONS[0]} API version`);
  if (token.requireServiceAccount === false && needed.length > 0)
    yield forbidden(at('requiredServiceAccountAnnotationKeys'), 'requireServiceAccount cannot be false when requiredServiceAccountAnnotationKeys is set');
  yield* checkKeys(needed, at('requiredServiceAccountAnnotationKeys'));
  yield* checkKeys(wanted, at('optionalServiceAccountAnnotationKeys'));
  const both = [...new Set(needed)].filter((key) => wanted.includes(key)).sort();
  if (both.length > 0) yield invalid(at, both, 'annotation keys cannot be both required and optional');
  if (!token.cacheType)
    yield required(at('cacheType'), `cacheType is required to be set when tokenAttributes is specified. Supported values are: ${CACHE_TYPES.join(', ')}`);
  else if (!CACHE_TYPES.includes(token.cacheType)) yield notSupported(at('cacheType'), token.cacheType, CACHE_TYPES);
} // prettier-ignore
function* checkKeys(keys: readonly string[], at: FieldPath): Iterable<FieldError> {
  const seen = new Set<string>();
  for (const key of keys) {
    for (const why of qualifiedName(key.toLowerCase())) yield invalid(at, key, why);
    if (seen.has(key)) yield duplicate(at, key);
    seen.add(key);
  }
}
