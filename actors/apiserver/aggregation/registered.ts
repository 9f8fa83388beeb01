import type { APIService } from '../../../schemas/generated/apiregistration-v1.ts';
import type { Registry } from '../../../schemas/resource.ts';
import { resourceOf } from '../bootstrap/ensure.ts';
import type { CacheReader } from '../request.ts';
import { BY_COMPONENT } from './by-component.ts';

export const API_SERVICES = { group: 'apiregistration.k8s.io', version: 'v1', resource: 'apiservices' };
const DEFAULT_PORT = 443;

/** A group's version that a service of the cluster serves. */
export interface RemoteService {
  /** Of the APIService: `v1.group`. */
  readonly name: string;
  readonly group: string;
  readonly version: string;
  readonly service: { readonly namespace: string; readonly name: string; readonly port: number };
  /** PEM of whom to trust; undefined: whom the system trusts. */
  readonly ca: string | undefined;
  readonly insecure: boolean;
  /** Serves it over the bus, in place of the service: `service` only names it then. */
  readonly component?: string | undefined;
  /** As its condition says. */
  readonly available: boolean;
}
/** The APIServices that point at a service, as the cache has them. */
export interface RemoteServices {
  readonly size: number;
  get(name: string): RemoteService | undefined;
  find(group: string, version: string): RemoteService | undefined;
  all(): Iterable<RemoteService>;
  /** `is` undefined: it is no more, or points at no service any more. */
  onChange(listener: (name: string, is: RemoteService | undefined, was: RemoteService | undefined) => void): void;
}

export function createRemoteServices(registry: Registry, cache: CacheReader): RemoteServices {
  const resource = resourceOf({ registry }, API_SERVICES);
  const byName = new Map<string, RemoteService>();
  const byVersion = new Map<string, RemoteService>();
  const listeners: Parameters<RemoteServices['onChange']>[0][] = [];
  const take = (name: string, is: RemoteService | undefined): void => {
    const was = byName.get(name);
    if (was !== undefined) {
      byName.delete(name);
      byVersion.delete(`${was.group}/${was.version}`);
    }
    if (is !== undefined) {
      byName.set(name, is);
      byVersion.set(`${is.group}/${is.version}`, is);
    }
    if (is !== undefined || was !== undefined) for (const listener of listeners) listener(name, is, was);
  };
  for (const api of cache.list<APIService>(resource)) take(api.metadata?.name ?? '', remoteOf(api));
  cache.onChange(resource, (object, old) => take((object ?? old)?.metadata.name ?? '', object && remoteOf(object)));
  return {
    get size() {
      return byName.size;
    },
    get: (name) => byName.get(name),
    find: (group, version) => byVersion.get(`${group}/${version}`),
    all: () => byName.values(),
    onChange: (listener) => void listeners.push(listener),
  };
}
function remoteOf({ metadata, spec, status }: APIService): RemoteService | undefined {
  if (spec && !spec.service) return byComponent(metadata?.name ?? '', spec);
  if (!spec?.service) return undefined;
  const { namespace = '', name = '', port = DEFAULT_PORT } = spec.service;
  return {
    name: metadata?.name ?? '',
    group: spec.group ?? '',
    version: spec.version ?? '',
    service: { namespace, name, port },
    ca: spec.caBundle ? Buffer.from(spec.caBundle, 'base64').toString() : undefined,
    insecure: spec.insecureSkipTLSVerify ?? false,
    available: status?.conditions?.find((c) => c.type === 'Available')?.status === 'True',
  };
}
function byComponent(name: string, { group = '', version = '' }: Partial<APIService['spec'] & object>): RemoteService | undefined {
  const served = BY_COMPONENT.get(name);
  if (served === undefined) return undefined;
  const service = { namespace: '', name: served.component, port: DEFAULT_PORT };
  return { name, group, version, service, component: served.component, ca: undefined, insecure: false, available: true };
} // prettier-ignore
