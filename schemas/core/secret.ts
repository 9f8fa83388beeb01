import { defineResource, type Errors } from '../define.ts';
import { JsonSyntaxError, parseJson } from '../codec/json.ts';
import type { Secret } from '../generated/core-v1.ts';
import { immutable } from '../meta/field-checks.ts';
import { forbidden, invalid, required, tooLong, type FieldPath } from '../meta/field.ts';
import { configMapKey } from '../meta/names.ts';
import { age } from '../meta/time.ts';
import { base64Length, fromBase64, toBase64 } from './base64.ts';
import { FROZEN, MAX_DATA_BYTES, unchanged } from './config-map.ts';

export const secret = defineResource<Secret>({
  group: '', version: 'v1', resource: 'secrets',
  metadataChecks: ['changes', 'whole'],

  /** Source: pkg/apis/core/v1 SetDefaults_Secret, Convert_v1_Secret_To_core_Secret. */
  defaults(draft) {
    draft.type ??= 'Opaque';
    for (const [key, value] of Object.entries(draft.stringData ?? {})) (draft.data ??= {})[key] = toBase64(value);
    delete draft.stringData;
    return draft;
  },

  *validate({ metadata, type, data = {} }, at) {
    const here = at('data');
    let size = 0;
    for (const [key, value] of Object.entries(data)) {
      for (const why of configMapKey(key)) yield invalid(here.key(key), key, why);
      size += base64Length(value);
    }
    if (size > MAX_DATA_BYTES) yield tooLong(here, MAX_DATA_BYTES);
    const missing = (...keys: string[]): readonly string[] => keys.filter((k) => !Object.hasOwn(data, k));
    switch (type) {
      case 'kubernetes.io/service-account-token':
        if (!metadata.annotations?.['kubernetes.io/service-account.name'])
          yield required(at('metadata')('annotations').key('kubernetes.io/service-account.name'));
        break;
      case 'kubernetes.io/dockercfg':
        yield* validateJson(data, '.dockercfg', here);
        break;
      case 'kubernetes.io/dockerconfigjson':
        yield* validateJson(data, '.dockerconfigjson', here);
        break;
      case 'kubernetes.io/basic-auth': {
        const absent = missing('username', 'password');
        if (absent.length === 2) for (const key of absent) yield required(here.key(key));
        break;
      }
      case 'kubernetes.io/ssh-auth':
        if (!data['ssh-privatekey']) yield required(here.key('ssh-privatekey'));
        break;
      case 'kubernetes.io/tls':
        for (const key of missing('tls.crt', 'tls.key')) yield required(here.key(key));
        break;
      default:
    }
  },
  *validateUpdate(object, old, at) {
    yield* immutable(object.type, old.type, at('type'));
    if (old.immutable !== true) return;
    if (object.immutable !== true) yield forbidden(at('immutable'), FROZEN);
    yield* unchanged(object.data, old.data, at('data'));
  },

  /** Source: pkg/registry/core/secret strategy.go warningsForSecret. */
  warnings: ({ type, data }) => (type === 'kubernetes.io/tls' ? keyPairProblems(data ?? {}) : []),

  /** Source: pkg/registry/core/secret strategy.go SelectableFields. */
  selectableFields: { type: ({ type }) => type ?? '' },
  cells: ({ metadata, type, data = {} }, now) =>
    [metadata.name ?? '', type ?? '', Object.keys(data).length, age(metadata.creationTimestamp, now)],
}); // prettier-ignore

function* validateJson(data: Readonly<Record<string, string>>, key: string, at: FieldPath): Errors {
  if (!Object.hasOwn(data, key)) {
    yield required(at.key(key));
    return;
  }
  const redacted = (why: string): ReturnType<typeof invalid> => invalid(at.key(key), '<secret contents redacted>', why);
  try {
    const { value } = parseJson(fromBase64(data[key]!));
    const kind = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
    if (value !== null && kind !== 'object')
      yield redacted(`json: cannot unmarshal ${kind} into Go value of type map[string]interface {}`);
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    yield redacted(error.message);
  }
}

const BLOCK = /-----BEGIN ([^\n]*?)-----\n[\s\S]*?-----END \1-----/g;
const blockTypes = (text: string): string[] => [...text.matchAll(BLOCK)].map((match) => match[1]!);
/** Why the two cannot be a certificate and its key, as far as their PEM shows. Source: Go crypto/tls X509KeyPair. */
function keyPairProblems(data: Readonly<Record<string, string>>): readonly string[] {
  const [certificate, key] = ['tls.crt', 'tls.key'].map((name) => blockTypes(fromBase64(data[name] ?? ''))) as [string[], string[]]; // prettier-ignore
  if (!certificate.includes('CERTIFICATE')) {
    if (certificate.length === 0) return ['tls: failed to find any PEM data in certificate input'];
    if (certificate.length === 1 && certificate[0]!.endsWith('PRIVATE KEY'))
      return ['tls: failed to find certificate PEM data in certificate input, but did find a private key; PEM inputs may have been switched']; // prettier-ignore
    return [`tls: failed to find "CERTIFICATE" PEM block in certificate input after skipping PEM blocks of the following types: [${certificate.join(' ')}]`]; // prettier-ignore
  }
  if (key.some((type) => type === 'PRIVATE KEY' || type.endsWith(' PRIVATE KEY'))) return [];
  if (key.length === 0) return ['tls: failed to find any PEM data in key input'];
  if (key.length === 1 && key[0] === 'CERTIFICATE')
    return ['tls: found a certificate rather than a key in the PEM for the private key'];
  return [`tls: failed to find PEM block with type ending in "PRIVATE KEY" in key input after skipping PEM blocks of the following types: [${key.join(' ')}]`]; // prettier-ignore
}
