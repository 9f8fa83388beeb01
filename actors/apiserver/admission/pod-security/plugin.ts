import type { Namespace, Pod, PodTemplateSpec } from '../../../../schemas/generated/core-v1.ts';
import { aggregate } from '../../../../schemas/meta/aggregate.ts';
import { fieldPath, invalid, type FieldError } from '../../../../schemas/meta/field.ts';
import { invalidError } from '../../../../schemas/meta/invalid.ts';
import type { DynamicObject } from '../../../../schemas/meta/object.ts';
import type { AdmissionAttributes, AdmissionPlugin } from '../../request.ts';
import { find, forbid, isOn, kind, operations, type AdmissionContext } from '../common.ts';
import { violations } from './checks.ts';
import type { PodUnderTest, Violation } from './common.ts';

const LATEST = 36;
const PREFIX = 'pod-security.kubernetes.io/';
/** Pods of a namespace that a stricter label is tried on. Source: admission.go defaultNamespaceMaxPodsToCheck. */
const MOST_PODS = 3000;
const LEVELS = ['privileged', 'baseline', 'restricted'] as const;
type Level = (typeof LEVELS)[number];
interface Bar {
  readonly level: Level;
  /** `latest` or `v1.x`. */
  readonly version: string;
}
export interface Policy {
  readonly enforce: Bar;
  readonly audit: Bar;
  readonly warn: Bar;
}
const OPEN: Bar = { level: 'privileged', version: 'latest' };
const show = (bar: Bar): string => `${bar.level}:${bar.version}`;
const rank = (level: Level): number => LEVELS.indexOf(level);

/** What a namespace's labels ask for, and what is wrong with them. Source: pod-security-admission api/helpers.go. */
export function policyOf(labels: Readonly<Record<string, string>> | undefined): {
  readonly policy: Policy;
  readonly errors: readonly FieldError[];
} {
  if (labels === undefined) return { policy: { enforce: OPEN, audit: OPEN, warn: OPEN }, errors: [] };
  const errors: FieldError[] = [];
  const at = fieldPath('metadata.labels');
  const bar = (mode: string, onError: Level): Bar => {
    const [level, version] = [labels[PREFIX + mode], labels[`${PREFIX}${mode}-version`]];
    const goodLevel = level === undefined || (LEVELS as readonly string[]).includes(level);
    const goodVersion = version === undefined || /^(latest|v1\.(0|[1-9][0-9]*))$/.test(version);
    if (!goodLevel) errors.push(invalid(at.key(PREFIX + mode), level, `must be one of ${LEVELS.join(', ')}`));
    if (!goodVersion) errors.push(invalid(at.key(`${PREFIX}${mode}-version`), version, 'must be "latest" or "v1.x"'));
    return {
      level: goodLevel ? ((level as Level | undefined) ?? 'privileged') : onError,
      version: goodVersion ? (version ?? 'latest') : 'latest',
    };
  };
  const enforce = bar('enforce', 'restricted');
  const audit = bar('audit', 'privileged');
  let warn = bar('warn', 'privileged');
  const asked = labels[`${PREFIX}enforce`];
  // Who enforces is warned about the same, controllers' templates included, unless he says what to warn about.
  if (labels[`${PREFIX}warn`] === undefined && asked === enforce.level && rank(enforce.level) > rank(warn.level))
    warn = {
      level: enforce.level,
      version: labels[`${PREFIX}warn-version`] === undefined ? enforce.version : warn.version,
    };
  return { policy: { enforce, audit, warn }, errors };
}
const minorOf = (bar: Bar): number =>
  bar.version === 'latest' ? LATEST : Math.min(LATEST, Number(bar.version.slice('v1.'.length)));
const judge = (bar: Bar, pod: PodUnderTest): Violation[] =>
  bar.level === 'privileged' ? [] : violations(pod, bar.level, minorOf(bar));
const detail = (found: readonly Violation[]): string =>
  found.map((v) => (v.detail === '' ? v.reason : `${v.reason} (${v.detail})`)).join(', ');

const IGNORED = new Set(['exec', 'attach', 'binding', 'eviction', 'log', 'portforward', 'proxy', 'status']);
type WithTemplate = { template?: PodTemplateSpec; jobTemplate?: { spec?: { template?: PodTemplateSpec } } };
/** Where a kind keeps the pods that it makes. */
const TEMPLATES: Readonly<Record<string, (o: DynamicObject) => PodTemplateSpec | undefined>> = {
  '/podtemplates': (o) => o['template'] as PodTemplateSpec | undefined,
  '/replicationcontrollers': (o) => (o['spec'] as WithTemplate | undefined)?.template,
  'apps/deployments': (o) => (o['spec'] as WithTemplate | undefined)?.template,
  'apps/replicasets': (o) => (o['spec'] as WithTemplate | undefined)?.template,
  'apps/statefulsets': (o) => (o['spec'] as WithTemplate | undefined)?.template,
  'apps/daemonsets': (o) => (o['spec'] as WithTemplate | undefined)?.template,
  'batch/jobs': (o) => (o['spec'] as WithTemplate | undefined)?.template,
  'batch/cronjobs': (o) => (o['spec'] as WithTemplate | undefined)?.jobTemplate?.spec?.template,
};
const under = (template: PodTemplateSpec | Pod): PodUnderTest | undefined => {
  const spec = template.spec;
  if (spec === undefined) return undefined;
  const containers = [...(spec.initContainers ?? []), ...(spec.containers ?? []), ...(spec.ephemeralContainers ?? [])];
  return { metadata: template.metadata, spec, containers };
};

/** The Pod Security Standards, by labels of the namespace. Source: k8s.io/pod-security-admission admission/admission.go. */
export function podSecurity(context: AdmissionContext): AdmissionPlugin {
  const namespaces = kind(context, '', 'namespaces');
  const pods = kind(context, '', 'pods');

  const onNamespace = (a: AdmissionAttributes): void => {
    const { policy, errors } = policyOf(a.object?.metadata.labels);
    const refuse = (): never => {
      throw invalidError('', 'Namespace', a.object?.metadata.name ?? a.name, errors);
    };
    if (a.operation === 'CREATE') return errors.length > 0 ? refuse() : undefined;
    const before = policyOf(a.old?.metadata.labels);
    if (errors.length > 0 && JSON.stringify(errors) !== JSON.stringify(before.errors)) refuse();
    const [next, old] = [policy.enforce, before.policy.enforce];
    if (show(next) === show(old) || next.level === 'privileged') return;
    if (next.version === old.version && rank(next.level) <= rank(old.level)) return;
    a.warnings.push(...warningsFor(a.object?.metadata.name ?? a.name, next));
  };
  /** Which pods of a namespace a stricter level would have refused, those alike together. */
  const warningsFor = (namespace: string, bar: Bar): string[] => {
    const counts = new Map<string, { name: string; count: number }>();
    const controllers = new Set<string>();
    const [first, replicas]: Pod[][] = [[], []];
    for (const pod of context.cache.list<Pod>(pods, namespace)) {
      const owner = pod.metadata.ownerReferences?.find((o) => o.controller === true)?.uid;
      if (owner === undefined || !controllers.has(owner)) first!.push(pod);
      else replicas!.push(pod);
      if (owner !== undefined) controllers.add(owner);
    }
    const all = [...first!, ...replicas!];
    for (const pod of all.slice(0, MOST_PODS)) {
      const subject = under(pod);
      const found = subject === undefined ? [] : judge(bar, subject);
      if (found.length === 0) continue;
      const reason = found.map((v) => v.reason).join(', ');
      const name = pod.metadata.name ?? '';
      const known = counts.get(reason);
      if (known === undefined) counts.set(reason, { name, count: 1 });
      else counts.set(reason, { name: name < known.name ? name : known.name, count: known.count + 1 });
    }
    const lines = [...counts].map(([reason, { name, count }]) => {
      const more = count === 1 ? '' : count === 2 ? ' (and 1 other pod)' : ` (and ${count - 1} other pods)`;
      return `${name}${more}: ${reason}`;
    });
    return [
      ...(all.length > MOST_PODS
        ? [`new PodSecurity enforce level only checked against the first ${MOST_PODS} of ${all.length} existing pods`]
        : []),
      ...(lines.length > 0
        ? [
            `existing pods in namespace ${JSON.stringify(namespace)} violate the new PodSecurity enforce level ${JSON.stringify(show(bar))}`,
          ]
        : []),
      ...lines.sort(),
    ];
  };
  const evaluate = (a: AdmissionAttributes, namespace: Namespace, subject: PodUnderTest, enforce: boolean): void => {
    const { policy, errors } = policyOf(namespace.metadata.labels);
    if (errors.length > 0)
      a.annotate?.(
        `${PREFIX}error`,
        `Failed to parse policy: ${aggregate(errors.map((e) => `${e.field}: ${e.message}`))}`,
      );
    if (enforce) a.annotate?.(`${PREFIX}enforce-policy`, show(policy.enforce));
    const refused = enforce ? judge(policy.enforce, subject) : [];
    if (a.annotate !== undefined) {
      const noted = judge(policy.audit, subject);
      if (noted.length > 0)
        a.annotate(`${PREFIX}audit-violations`, `would violate PodSecurity ${JSON.stringify(show(policy.audit))}: ${detail(noted)}`); // prettier-ignore
    }
    if (refused.length > 0)
      throw forbid(a, `violates PodSecurity ${JSON.stringify(show(policy.enforce))}: ${detail(refused)}`);
    const found = judge(policy.warn, subject);
    if (found.length > 0)
      a.warnings.push(`would violate PodSecurity ${JSON.stringify(show(policy.warn))}: ${detail(found)}`);
  };
  const within = (a: AdmissionAttributes, subject: PodUnderTest, enforce: boolean): void | Promise<void> => {
    const known = context.cache.get<Namespace>(namespaces, '', a.namespace);
    if (known !== undefined) return evaluate(a, known, subject, enforce);
    return find<Namespace>(context, namespaces, '', a.namespace).then((found) =>
      found === undefined ? undefined : evaluate(a, found, subject, enforce),
    );
  };
  return {
    name: 'PodSecurity',
    handles: operations('CREATE', 'UPDATE'),
    validate(a) {
      if (a.object === undefined) return;
      if (isOn(a, '', 'namespaces')) return onNamespace(a);
      if (a.resource.group === '' && a.resource.resource === 'pods') {
        if (IGNORED.has(a.subresource?.name ?? '')) return;
        const pod = a.object as unknown as Pod;
        if (a.operation === 'UPDATE' && !changesImages(pod, a.old)) return;
        const subject = under(pod);
        return subject === undefined ? undefined : within(a, subject, true);
      }
      if (a.subresource !== undefined) return;
      const template = TEMPLATES[`${a.resource.group}/${a.resource.resource}`]?.(a.object);
      const subject = template === undefined ? undefined : under(template);
      return subject === undefined ? undefined : within(a, subject, false);
    },
  };
}

/** Nothing else that matters may change in a pod. */
function changesImages(pod: Pod, old: Pod | undefined): boolean {
  const [next, before] = [pod.spec, old?.spec];
  for (const list of ['containers', 'initContainers'] as const) {
    const [a, b] = [next?.[list] ?? [], before?.[list] ?? []];
    if (a.length !== b.length || a.some((c, i) => c.image !== b[i]?.image)) return true;
  }
  const known = new Map((before?.ephemeralContainers ?? []).map((c) => [c.name, c.image]));
  return (next?.ephemeralContainers ?? []).some((c) => !known.has(c.name) || known.get(c.name) !== c.image);
}
