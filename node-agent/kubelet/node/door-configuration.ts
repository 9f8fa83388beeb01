import { struct, type Shape } from '../../../schemas/codec/configuration.ts';

/** How a kubelet is reached, and by whom. */
export interface DoorConfiguration {
  readonly enableServer: boolean;
  /** On which the kubelet listens. */
  readonly address: string;
  readonly port: number;
  /** PEM; neither: it signs one itself. */
  readonly tlsCertFile: string;
  readonly tlsPrivateKeyFile: string;
  /** The cluster signs it, once somebody has approved that. */
  readonly serverTLSBootstrap: boolean;
  /** What reaches into containers and files is served. */
  readonly enableDebuggingHandlers: boolean;
  readonly authentication: {
    /** PEM of who signs certificates of clients; '': as the cluster says. */
    readonly x509: { readonly clientCAFile: string };
    readonly webhook: { readonly enabled: boolean; readonly cacheTTL: string };
    readonly anonymous: { readonly enabled: boolean };
  };
  readonly authorization: {
    readonly mode: string;
    readonly webhook: { readonly cacheAuthorizedTTL: string; readonly cacheUnauthorizedTTL: string };
  };
}
/** Source: kubelet apis/config/v1beta1 defaults.go. */
export const DOOR_DEFAULTS: DoorConfiguration = {
  enableServer: true,
  address: '0.0.0.0',
  port: 10_250,
  tlsCertFile: '',
  tlsPrivateKeyFile: '',
  serverTLSBootstrap: false,
  enableDebuggingHandlers: true,
  authentication: {
    x509: { clientCAFile: '' },
    webhook: { enabled: true, cacheTTL: '2m0s' },
    anonymous: { enabled: false },
  },
  authorization: { mode: 'Webhook', webhook: { cacheAuthorizedTTL: '5m0s', cacheUnauthorizedTTL: '30s' } },
};
/** As files have it. */
export const DOOR_FIELDS: Readonly<Record<string, Shape>> = {
  enableServer: 'bool',
  address: 'string',
  port: 'int32',
  tlsCertFile: 'string',
  tlsPrivateKeyFile: 'string',
  serverTLSBootstrap: 'bool',
  enableDebuggingHandlers: 'bool',
  authentication: struct('KubeletAuthentication', {
    x509: struct('KubeletX509Authentication', { clientCAFile: 'string' }),
    webhook: struct('KubeletWebhookAuthentication', { enabled: 'bool', cacheTTL: 'duration' }),
    anonymous: struct('KubeletAnonymousAuthentication', { enabled: 'bool' }),
  }),
  authorization: struct('KubeletAuthorization', {
    mode: 'string',
    webhook: struct('KubeletWebhookAuthorization', {
      cacheAuthorizedTTL: 'duration',
      cacheUnauthorizedTTL: 'duration',
    }),
  }),
};
/** What a file says of structures, and the rest of them as it was. */
export function doorOf({ authentication, authorization }: DoorConfiguration, said: object): object {
  const { authentication: who, authorization: what } = said as Partial<DoorConfiguration>;
  return { authentication: within(authentication, who), authorization: within(authorization, what) };
}
function within(otherwise: object, said: object | undefined): object {
  const merged = Object.entries(said ?? {}).map(([name, value]: [string, unknown]): [string, unknown] => {
    const before = (otherwise as Readonly<Record<string, unknown>>)[name];
    return [name, typeof before === 'object' && before !== null ? within(before, value as object) : value];
  });
  return { ...otherwise, ...Object.fromEntries(merged) };
}
/** Source: kubelet apis/config/validation ValidateKubeletConfiguration, app BuildAuthz. */
export function checkDoor({ port, authorization: { mode } }: DoorConfiguration, wrong: (text: string) => never): void {
  if (port < 1 || port > 65_535) wrong(`port (--port) ${port} must be between 1 and 65535, inclusive`);
  if (mode !== 'Webhook' && mode !== 'AlwaysAllow')
    throw new Error(mode === '' ? 'no authorization mode specified' : `unknown authorization mode ${mode}`);
}
