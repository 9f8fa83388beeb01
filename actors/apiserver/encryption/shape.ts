import { readConfiguration, struct, type ConfigurationKind, type Shape } from '../../../schemas/codec/configuration.ts';

/** An EncryptionConfiguration as it stands in its file, its fields and their types known to be right. */
export interface RawKey {
  readonly name?: string;
  readonly secret?: string;
}
export interface RawProvider {
  readonly aesgcm?: { readonly keys?: readonly RawKey[] };
  readonly aescbc?: { readonly keys?: readonly RawKey[] };
  readonly secretbox?: { readonly keys?: readonly RawKey[] };
  readonly identity?: object;
  readonly kms?: object;
}
export interface RawConfiguration {
  readonly resources?: readonly {
    readonly resources?: readonly string[];
    readonly providers?: readonly RawProvider[];
  }[];
}
const KEYS: Shape = { list: struct('Key', { name: 'string', secret: 'string' }) };
const AES = struct('AESConfiguration', { keys: KEYS });
const PROVIDER = struct('ProviderConfiguration', {
  aesgcm: AES,
  aescbc: AES,
  secretbox: struct('SecretboxConfiguration', { keys: KEYS }),
  identity: struct('IdentityConfiguration', {}),
  kms: struct('KMSConfiguration', {
    apiVersion: 'string', name: 'string', cachesize: 'int32', endpoint: 'string', timeout: 'string',
  }),
}); // prettier-ignore
const CONFIGURATION: ConfigurationKind = {
  shape: struct('EncryptionConfiguration', {
    apiVersion: 'string',
    kind: 'string',
    resources: {
      list: struct('ResourceConfiguration', { resources: { list: 'string' }, providers: { list: PROVIDER } }),
    },
  }),
  // The second: its name before it had a group.
  names: ['apiserver.config.k8s.io/v1/EncryptionConfiguration', 'v1/EncryptionConfig'],
};
/** Thrown: StrictError, in the words of Go's strict decoder. */
export const readShape = (value: unknown, text: string): RawConfiguration =>
  readConfiguration({ value, text }, CONFIGURATION);
