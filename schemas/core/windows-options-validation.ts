import type { Errors } from '../define.ts';
import type { PodSpec, WindowsSecurityContextOptions } from '../generated/core-v1.ts';
import { invalid, type FieldPath } from '../meta/field.ts';
import { byteLength, dnsSubdomain } from '../meta/names.ts';
import { containersOf } from './pod-containers.ts';

const MAX_SPEC_KIB = 64;
const MAX_DOMAIN_BYTES = 256;
const MAX_USER_BYTES = 104;
// oxlint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u001f\u007f]/;
const NET_BIOS = /^[^\\/:*?"<>|.][^\\/:*?"<>|]{0,14}$/;
const DNS_LABEL = '[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?';
const DNS = new RegExp(`^${DNS_LABEL}(?:\\.${DNS_LABEL})*$`);

/** Source: pkg/apis/core/validation validateWindowsSecurityContextOptions. */
export function* validateWindowsOptions(options: WindowsSecurityContextOptions | undefined, at: FieldPath): Errors {
  if (!options) return;
  const { gmsaCredentialSpecName: name, gmsaCredentialSpec: spec, runAsUserName: user } = options;
  if (name !== undefined) for (const why of dnsSubdomain(name)) yield invalid(at('gmsaCredentialSpecName'), name, why);
  if (spec === '') yield invalid(at('gmsaCredentialSpec'), spec, 'gmsaCredentialSpec cannot be an empty string');
  else if (spec !== undefined && byteLength(spec) > MAX_SPEC_KIB * 1024)
    yield invalid(at('gmsaCredentialSpec'), spec, `gmsaCredentialSpec size must be under ${MAX_SPEC_KIB} KiB`);
  if (user !== undefined)
    for (const why of userProblems(user)) yield invalid(at('runAsUserName'), user, `runAsUserName${why}`);
}
/** `DOMAIN\USER` or `USER`. */
function* userProblems(name: string): Generator<string> {
  const parts = name.split('\\');
  if (name === '') yield ' cannot be an empty string';
  else if (CONTROL.test(name)) yield ' cannot contain control characters';
  else if (parts.length > 2) yield ' cannot contain more than one backslash';
  else {
    const user = parts.at(-1)!;
    const domain = parts.length === 2 ? parts[0]! : undefined;
    if (byteLength(domain ?? '') >= MAX_DOMAIN_BYTES)
      yield `'s Domain length must be under ${MAX_DOMAIN_BYTES} characters`;
    if (domain !== undefined && !NET_BIOS.test(domain) && !DNS.test(domain))
      yield "'s Domain doesn't match the NetBios nor the DNS format";
    if (user === '') yield "'s User cannot be empty";
    else if (byteLength(user) > MAX_USER_BYTES)
      yield `'s User length must not be longer than ${MAX_USER_BYTES} characters`;
    if (/^[. ]+$/.test(user)) yield "'s User cannot contain only periods or spaces";
    if (/["/\\:;|=,+*?<>@[\]]/.test(user))
      yield String.raw`'s User cannot contain the following characters: "/\:;|=,+*?<>@[]`;
  }
}
/** Where one container is a process of the host, all are. Source: validateWindowsHostProcessPod. */
export function* validateHostProcess(spec: PodSpec, at: FieldPath): Errors {
  const whole = spec.securityContext?.windowsOptions?.hostProcess;
  let [all, host] = [0, 0];
  for (const [{ securityContext }, here] of containersOf(spec, at)) {
    const own = securityContext?.windowsOptions?.hostProcess;
    if (whole !== undefined && own !== undefined && whole !== own)
      yield invalid(
        here('securityContext')('windowsOptions')('hostProcess'),
        own,
        `pod hostProcess value must be identical if both are specified, was ${whole}`,
      );
    all++;
    if (own ?? whole) host++;
  }
  if (host === 0) return;
  if (host !== all)
    yield invalid(
      at,
      '',
      'If pod contains any hostProcess containers then all containers must be HostProcess containers',
    );
  if (!spec.hostNetwork)
    yield invalid(at('hostNetwork'), false, 'hostNetwork must be true if pod contains any hostProcess containers');
}
