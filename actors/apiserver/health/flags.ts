import { FRONT_PROXY_NAMES } from '../authentication/index.ts';

/** What an API server was told, as far as kube-apiserver has a flag for it. */
interface Told {
  readonly host: string;
  readonly port: number;
  readonly advertiseAddress: string;
  readonly issuer: string;
  /** The first is the default. */
  readonly serviceCidrs: readonly string[];
  readonly enableAdmission: readonly string[] | undefined;
  readonly disableAdmission: readonly string[] | undefined;
  readonly hasFrontProxy: boolean;
}
const list = (values: readonly string[] = []): string => `[${values.join(',')}]`;
/** Values in pflag's notation, by the names of kube-apiserver's flags. */
export const flagsOf = (told: Told): Readonly<Record<string, string>> => ({
  'advertise-address': told.advertiseAddress,
  'allow-privileged': 'true',
  'anonymous-auth': 'true',
  'authorization-mode': '[Node,RBAC]',
  'bind-address': told.host,
  'disable-admission-plugins': list(told.disableAdmission),
  'enable-admission-plugins': list(told.enableAdmission),
  'enable-bootstrap-token-auth': 'true',
  'requestheader-allowed-names': list(told.hasFrontProxy ? FRONT_PROXY_NAMES : []),
  'requestheader-extra-headers-prefix': list(told.hasFrontProxy ? ['X-Remote-Extra-'] : []),
  'requestheader-group-headers': list(told.hasFrontProxy ? ['X-Remote-Group'] : []),
  'requestheader-username-headers': list(told.hasFrontProxy ? ['X-Remote-User'] : []),
  'secure-port': String(told.port),
  'service-account-issuer': list([told.issuer]),
  'service-cluster-ip-range': told.serviceCidrs.join(','),
});
