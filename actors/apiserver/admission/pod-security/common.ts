import type { Container, EphemeralContainer, PodSpec, SecurityContext } from '../../../../schemas/generated/core-v1.ts';
import type { ObjectMeta } from '../../../../schemas/meta/object.ts';

/** What the checks of the Pod Security Standards have in common. Source: k8s.io/pod-security-admission policy/helpers.go. */
export interface Violation {
  readonly reason: string;
  readonly detail: string;
}
export interface PodUnderTest {
  readonly metadata: ObjectMeta | undefined;
  readonly spec: PodSpec;
  /** Init containers, containers, ephemeral containers, in this order. */
  readonly containers: readonly (Container | EphemeralContainer)[];
}
export type Verdict = Violation | undefined;
export interface Check {
  readonly id: string;
  readonly level: 'baseline' | 'restricted';
  readonly since: number;
  /** A baseline check whose place this one takes. */
  readonly overrides?: string;
  /** `minor`: the policy's version, for checks that changed. */
  readonly run: (pod: PodUnderTest, minor: number) => Verdict;
}

export const quoted = (items: Iterable<string>): string => [...items].map((item) => `"${item}"`).join(', ');
export const sorted = (items: ReadonlySet<string>): string[] => [...items].sort();
export const plural = (one: string, many: string, count: number): string => (count === 1 ? one : many);
export const named = (names: readonly string[]): string =>
  `${plural('container', 'containers', names.length)} ${quoted(names)}`;
const contextOf = (c: Container | EphemeralContainer): SecurityContext | undefined => c.securityContext;
export const bad = (pod: PodUnderTest, test: (context: SecurityContext | undefined) => boolean): string[] =>
  pod.containers.filter((c) => test(contextOf(c))).map((c) => c.name);
/** `pod and containers "a", "b"`. */
export const setters = (podToo: boolean, names: readonly string[]): string =>
  [...(podToo ? ['pod'] : []), ...(names.length > 0 ? [named(names)] : [])].join(' and ');
export const isWindows = (pod: PodUnderTest): boolean => pod.spec.os?.name === 'windows';
/** Pods with users of their own may do more within them. */
export const ownUsers = (pod: PodUnderTest, minor: number): boolean => minor >= 35 && pod.spec.hostUsers === false;
