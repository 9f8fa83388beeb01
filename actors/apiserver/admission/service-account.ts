import type { Container, EphemeralContainer, Pod, ServiceAccount } from '../../../schemas/generated/core-v1.ts';
import { delay } from '../../../bus/world.ts';
import { plain } from '../errors.ts';
import type { AdmissionAttributes, AdmissionPlugin } from '../request.ts';
import { find, forbid, isOn, kind, MIRROR, operations, unaskable, type AdmissionContext } from './common.ts';
import { namesSecrets } from './pod-references.ts';

const VOLUME = 'kube-api-access';
const MOUNT_PATH = '/var/run/secrets/kubernetes.io/serviceaccount';
const ENFORCE = 'kubernetes.io/enforce-mountable-secrets';
const EXPIRATION_SECONDS = 3607;
/** The account `default` is made by a controller soon after its namespace: worth waiting for. */
const ATTEMPTS = 10;

/** Gives each pod an account and its token. Source: kubernetes plugin/pkg/admission/serviceaccount. */
export function serviceAccount(context: AdmissionContext): AdmissionPlugin {
  const accounts = kind(context, '', 'serviceaccounts');
  const { clock, random } = context.world;

  const lookUp = async (a: AdmissionAttributes, name: string): Promise<ServiceAccount> => {
    const refuse = (why: string): Error => forbid(a, `error looking up service account ${a.namespace}/${name}: ${why}`);
    const problem = unaskable(name);
    if (problem !== undefined) throw refuse(problem);
    const attempts = name === 'default' ? ATTEMPTS : 1;
    const pauseMs = 100 + Math.floor(random() * 100);
    for (let i = 0; i < attempts; i++) {
      if (i > 0) await delay(clock, pauseMs);
      const found = await find<ServiceAccount>(context, accounts, a.namespace, name);
      if (found !== undefined) return found;
    }
    throw refuse(`serviceaccount ${JSON.stringify(name)} not found`);
  };
  const known = (a: AdmissionAttributes, name: string): ServiceAccount | Promise<ServiceAccount> =>
    context.cache.get<ServiceAccount>(accounts, a.namespace, name) ?? lookUp(a, name);

  const complete = (pod: Pod, account: ServiceAccount): void => {
    const spec = pod.spec!;
    if (spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true)
      mountToken(pod, () => `${VOLUME}-${context.world.ids.suffix(5)}`);
    if ((spec.imagePullSecrets ?? []).length === 0 && (account.imagePullSecrets ?? []).length > 0)
      spec.imagePullSecrets = account.imagePullSecrets!.map(({ name }) => ({ name }));
  };
  const check = (a: AdmissionAttributes, pod: Pod, account: ServiceAccount): void => {
    const enforced = ['1', 't', 'T', 'TRUE', 'true', 'True'].includes(account.metadata.annotations?.[ENFORCE] ?? '');
    const ephemeral = a.subresource?.name === 'ephemeralcontainers';
    const why = enforced ? unmountable(pod, account, ephemeral) : undefined;
    // Of an ephemeral container the real server's plugin gives the bare error.
    if (why !== undefined) throw ephemeral ? plain(why) : forbid(a, why);
  };
  const validate = (a: AdmissionAttributes): void | Promise<void> => {
    const pod = a.object as Pod | undefined;
    if (pod?.spec === undefined) return;
    const ephemeral = a.operation === 'UPDATE' && isOn(a, '', 'pods', 'ephemeralcontainers');
    if (!ephemeral && (a.operation !== 'CREATE' || !isOn(a, '', 'pods'))) return;
    if (!ephemeral && pod.metadata.annotations?.[MIRROR] !== undefined) {
      const why = mirrorProblem(pod);
      if (why !== undefined) throw forbid(a, why);
      return;
    }
    const name = pod.spec.serviceAccountName ?? '';
    if (name === '') throw forbid(a, `no service account specified for pod ${a.namespace}/${pod.metadata.name ?? ''}`);
    const account = known(a, name);
    return account instanceof Promise ? account.then((found) => check(a, pod, found)) : check(a, pod, account);
  };
  return {
    name: 'ServiceAccount',
    handles: operations('CREATE', 'UPDATE'),
    mutate(a) {
      if (a.operation !== 'CREATE' || !isOn(a, '', 'pods')) return;
      const pod = a.object as Pod | undefined;
      if (pod?.spec === undefined) return;
      if (pod.metadata.annotations?.[MIRROR] !== undefined) return validate(a);
      pod.spec.serviceAccountName ||= 'default';
      // The old name of the field goes along, as conversion does it in the real server.
      pod.spec.serviceAccount = pod.spec.serviceAccountName;
      const account = known(a, pod.spec.serviceAccountName);
      const settle = (found: ServiceAccount): void => {
        complete(pod, found);
        // Already now: what it may not mount is said before what else is wrong with it.
        check(a, pod, found);
      };
      return account instanceof Promise ? account.then(settle) : settle(account);
    },
    validate,
  };
}

function mountToken(pod: Pod, volumeName: () => string): void {
  const spec = pod.spec!;
  const present = (spec.volumes ?? []).find((v) => v.name.startsWith(`${VOLUME}-`));
  const name = present?.name ?? volumeName();
  let needed = false;
  const mount = (container: Container): void => {
    if ((container.volumeMounts ?? []).some((m) => m.mountPath === MOUNT_PATH)) return;
    (container.volumeMounts ??= []).push({ name, readOnly: true, mountPath: MOUNT_PATH });
    needed = true;
  };
  for (const container of spec.initContainers ?? []) mount(container);
  for (const container of spec.containers ?? []) mount(container);
  if (present !== undefined || !needed) return;
  (spec.volumes ??= []).push({
    name,
    projected: {
      sources: [
        { serviceAccountToken: { expirationSeconds: EXPIRATION_SECONDS, path: 'token' } },
        { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
        {
          downwardAPI: {
            items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }],
          },
        },
      ],
      defaultMode: 0o644,
    },
  });
}

type AnyContainer = Container | EphemeralContainer;
/** What a mirror pod refers to though it may not: nobody but its node has checked it. */
function mirrorProblem(pod: Pod): string | undefined {
  if (pod.spec?.serviceAccountName) return 'a mirror pod may not reference service accounts';
  if (namesSecrets(pod)) return 'a mirror pod may not reference secrets';
  return (pod.spec?.volumes ?? []).some((v) => v.projected?.sources?.some((s) => s.serviceAccountToken !== undefined))
    ? 'a mirror pod may not use ServiceAccountToken volume projections'
    : undefined;
}

/** The first secret that the account does not list, when it says that only listed ones may be used. */
function unmountable(pod: Pod, account: ServiceAccount, ephemeralOnly: boolean): string | undefined {
  const own = account.metadata.name ?? '';
  const allowed = new Set((account.secrets ?? []).map((s) => s.name));
  const tail = `is not allowed because service account ${own} does not reference that secret`;
  const spec = pod.spec!;
  if (!ephemeralOnly)
    for (const { secret } of spec.volumes ?? [])
      if (secret !== undefined && !allowed.has(secret.secretName))
        return `volume with secret.secretName="${secret.secretName ?? ''}" ${tail}`;
  const groups: [string, readonly AnyContainer[]][] = ephemeralOnly
    ? [['ephemeral container', spec.ephemeralContainers ?? []]]
    : [
        ['init container', spec.initContainers ?? []],
        ['container', spec.containers ?? []],
      ];
  for (const [what, containers] of groups)
    for (const c of containers) {
      for (const e of c.env ?? []) {
        const name = e.valueFrom?.secretKeyRef?.name;
        if (e.valueFrom?.secretKeyRef !== undefined && !allowed.has(name))
          return `${what} ${c.name} with envVar ${e.name} referencing secret.secretName="${name ?? ''}" ${tail}`;
      }
      for (const e of c.envFrom ?? [])
        if (e.secretRef !== undefined && !allowed.has(e.secretRef.name))
          return `${what} ${c.name} with envFrom referencing secret.secretName="${e.secretRef.name ?? ''}" ${tail}`;
    }
  if (ephemeralOnly) return undefined;
  const pulls = new Set((account.imagePullSecrets ?? []).map((s) => s.name));
  for (const [i, pull] of (spec.imagePullSecrets ?? []).entries())
    if (!pulls.has(pull.name))
      return `imagePullSecrets[${i}].name="${pull.name ?? ''}" is not allowed because service account ${own} does not reference that imagePullSecret`;
  return undefined;
}
