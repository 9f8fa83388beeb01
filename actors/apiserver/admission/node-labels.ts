/** Labels of kubernetes.io and k8s.io that a kubelet may set on its node. Source: kubelet pkg/apis well_known_labels.go. */
const ALLOWED = new Set([
  'kubernetes.io/hostname', 'kubernetes.io/arch', 'kubernetes.io/os', 'beta.kubernetes.io/arch', 'beta.kubernetes.io/os',
  'topology.kubernetes.io/zone', 'topology.kubernetes.io/region', 'failure-domain.beta.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region', 'node.kubernetes.io/instance-type', 'beta.kubernetes.io/instance-type',
  'node.kubernetes.io/windows-build', 'kubernetes.io/os', 'node.kubernetes.io/exclude-from-external-load-balancers',
]); // prettier-ignore
const DOMAINS = ['kubelet.kubernetes.io', 'node.kubernetes.io'];
const RESTRICTED = 'node-restriction.kubernetes.io';

type Labels = Readonly<Record<string, string>> | undefined;
const within = (domain: string, parent: string): boolean => domain === parent || domain.endsWith(`.${parent}`);

/** Keys that differ between the two and that a node may not touch, sorted. */
export function forbiddenLabels(next: Labels, old: Labels): string[] {
  const keys = new Set([...Object.keys(next ?? {}), ...Object.keys(old ?? {})]);
  return [...keys]
    .filter((key) => next?.[key] !== old?.[key])
    .filter((key) => {
      const slash = key.indexOf('/');
      const domain = slash < 0 ? '' : key.slice(0, slash);
      if (within(domain, RESTRICTED)) return true;
      const ours = within(domain, 'kubernetes.io') || within(domain, 'k8s.io');
      return ours && !ALLOWED.has(key) && !DOMAINS.some((d) => within(domain, d));
    })
    .sort();
}
