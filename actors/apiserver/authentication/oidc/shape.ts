import { struct, type ConfigurationKind } from '../../../../schemas/codec/configuration.ts';

/** An AuthenticationConfiguration as it stands in its file, its fields and their types known to be right. */
export interface RawAuthentication {
  readonly jwt?: readonly RawJwt[];
  readonly anonymous?: RawAnonymous;
}
export interface RawAnonymous {
  readonly enabled?: boolean;
  readonly conditions?: readonly { readonly path?: string }[];
}
export interface RawJwt {
  readonly issuer?: RawIssuer;
  readonly claimValidationRules?: readonly RawRule[];
  readonly claimMappings?: {
    readonly username?: RawMapping;
    readonly groups?: RawMapping;
    readonly uid?: RawMapping;
    readonly extra?: readonly { readonly key?: string; readonly valueExpression?: string }[];
  };
  readonly userValidationRules?: readonly { readonly expression?: string; readonly message?: string }[];
}
export interface RawIssuer {
  readonly url?: string;
  readonly discoveryURL?: string;
  readonly certificateAuthority?: string;
  readonly audiences?: readonly string[];
  readonly audienceMatchPolicy?: string;
  readonly egressSelectorType?: string;
}
export interface RawRule {
  readonly claim?: string;
  readonly requiredValue?: string;
  readonly expression?: string;
  readonly message?: string;
}
export interface RawMapping {
  readonly claim?: string;
  /** Not of `uid`. */
  readonly prefix?: string;
  readonly expression?: string;
}
const PREFIXED = struct('PrefixedClaimOrExpression', { claim: 'string', prefix: 'string', expression: 'string' });
const JWT = struct('JWTAuthenticator', {
  issuer: struct('Issuer', {
    url: 'string', discoveryURL: 'string', certificateAuthority: 'string', audiences: { list: 'string' },
    audienceMatchPolicy: 'string', egressSelectorType: 'string',
  }),
  claimValidationRules: {
    list: struct('ClaimValidationRule', { claim: 'string', requiredValue: 'string', expression: 'string', message: 'string' }),
  },
  claimMappings: struct('ClaimMappings', {
    username: PREFIXED,
    groups: PREFIXED,
    uid: struct('ClaimOrExpression', { claim: 'string', expression: 'string' }),
    extra: { list: struct('ExtraMapping', { key: 'string', valueExpression: 'string' }) },
  }),
  userValidationRules: { list: struct('UserValidationRule', { expression: 'string', message: 'string' }) },
}); // prettier-ignore
/** Source: apiserver pkg/apis/apiserver. */
export const AUTHENTICATION: ConfigurationKind = {
  shape: struct('AuthenticationConfiguration', {
    apiVersion: 'string',
    kind: 'string',
    jwt: { list: JWT },
    anonymous: struct('AnonymousAuthConfig', {
      enabled: 'bool',
      conditions: { list: struct('AnonymousAuthCondition', { path: 'string' }) },
    }),
  }),
  names: ['v1', 'v1beta1', 'v1alpha1'].map((v) => `apiserver.config.k8s.io/${v}/AuthenticationConfiguration`),
};
