import { parseFieldSelector } from '../../meta/field-selectors.ts';
import { nameIsLabel, nameIsSubdomain } from '../../meta/names.ts';
import { parseLabelSelector } from '../../meta/selectors.ts';
import { CelError, CelOpaque, noSuchOverload, type CelValue } from '../values.ts';
import { isA, isString, overload, stepwise, type CelLibrary } from './kinds.ts';

/** Who asks. A user of the request, or a service account that the expression names. */
export interface CelUser {
  readonly name: string;
  readonly groups: readonly string[];
  readonly uid?: string | undefined;
  readonly extra?: Readonly<Record<string, readonly string[]>> | undefined;
}
/** What is asked: a path, or a resource; `version` is always `*`. Selectors are texts, parsed already: they are sound. */
export interface CelAccess {
  readonly user: CelUser;
  readonly verb: string;
  readonly path?: string;
  readonly resource?: {
    readonly group: string;
    readonly resource: string;
    readonly subresource: string;
    readonly namespace: string;
    readonly name: string;
    readonly fieldSelector: string;
    readonly labelSelector: string;
    /** Why a selector is none: it then does not restrict. */
    readonly fieldSelectorError?: string;
    readonly labelSelectorError?: string;
  };
}
export interface CelDecision {
  readonly allowed: boolean;
  readonly reason: string;
  readonly error?: string | undefined;
}
/** Answers at once or later; expressions that wait are run with evaluateWaiting. */
export type CelAuthorize = (access: CelAccess) => CelDecision | Promise<CelDecision>;
/** Thrown through an evaluation that must wait for an answer, then be run anew. */
export class CelPending extends Error {
  readonly answer: Promise<unknown>;
  constructor(answer: Promise<unknown>) {
    super('an authorizer has not answered yet');
    this.answer = answer;
  }
}

abstract class Check extends CelOpaque {
  equals(_other: CelValue): boolean | CelError {
    return noSuchOverload();
  }
}
/** `authorizer`. One for one request: it remembers answers. */
export class CelAuthorizer extends Check {
  override readonly typeName = 'kubernetes.authorization.Authorizer';
  readonly user: CelUser;
  private readonly authorize: CelAuthorize;
  private readonly answers: Map<string, CelDecision>;
  constructor(user: CelUser, authorize: CelAuthorize, answers = new Map<string, CelDecision>()) {
    super();
    this.user = user;
    this.authorize = authorize;
    this.answers = answers;
  }
  as(user: CelUser): CelAuthorizer {
    return new CelAuthorizer(user, this.authorize, this.answers);
  }
  /** Throws CelPending when the answer is not there yet. */
  decide(access: CelAccess): CelValue {
    const key = JSON.stringify(access);
    const known = this.answers.get(key);
    if (known) return new Decision(known);
    const answer = this.authorize(access);
    if (answer instanceof Promise)
      throw new CelPending(answer.then((decision) => void this.answers.set(key, decision)));
    this.answers.set(key, answer);
    return new Decision(answer);
  }
}
class PathCheck extends Check {
  override readonly typeName = 'kubernetes.authorization.PathCheck';
  readonly authorizer: CelAuthorizer;
  readonly path: string;
  constructor(authorizer: CelAuthorizer, path: string) {
    super();
    this.authorizer = authorizer;
    this.path = path;
  }
}
class GroupCheck extends Check {
  override readonly typeName = 'kubernetes.authorization.GroupCheck';
  readonly authorizer: CelAuthorizer;
  readonly group: string;
  constructor(authorizer: CelAuthorizer, group: string) {
    super();
    this.authorizer = authorizer;
    this.group = group;
  }
}
interface ResourceOf {
  readonly group: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  readonly fieldSelector: string;
  readonly labelSelector: string;
}
/** `authorizer.group(...).resource(...)`, and `authorizer.requestResource`. */
export class CelResourceCheck extends Check {
  override readonly typeName = 'kubernetes.authorization.ResourceCheck';
  readonly authorizer: CelAuthorizer;
  readonly of: ResourceOf;
  constructor(authorizer: CelAuthorizer, of: Partial<ResourceOf> & Pick<ResourceOf, 'group' | 'resource'>) {
    super();
    this.authorizer = authorizer;
    this.of = { subresource: '', namespace: '', name: '', fieldSelector: '', labelSelector: '', ...of };
  }
  with(more: Partial<ResourceOf>): CelResourceCheck {
    return new CelResourceCheck(this.authorizer, { ...this.of, ...more });
  }
}
class Decision extends Check {
  override readonly typeName = 'kubernetes.authorization.Decision';
  readonly decision: CelDecision;
  constructor(decision: CelDecision) {
    super();
    this.decision = decision;
  }
}
function problemOf(parse: (text: string) => unknown, text: string): string | undefined {
  if (text === '') return undefined;
  try {
    parse(text);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
function checkResource({ authorizer, of }: CelResourceCheck, verb: string): CelValue {
  const fieldSelectorError = problemOf(parseFieldSelector, of.fieldSelector);
  const labelSelectorError = problemOf(parseLabelSelector, of.labelSelector);
  const resource = {
    ...of,
    ...(fieldSelectorError !== undefined && { fieldSelectorError }),
    ...(labelSelectorError !== undefined && { labelSelectorError }),
  };
  return authorizer.decide({ user: authorizer.user, verb, resource });
}
function asServiceAccount(authorizer: CelAuthorizer, namespace: string, name: string): CelValue {
  if (nameIsSubdomain(name, false).length > 0) return new CelError('Invalid service account name');
  if (nameIsLabel(namespace, false).length > 0) return new CelError('Invalid service account namespace');
  return authorizer.as({
    name: `system:serviceaccount:${namespace}:${name}`,
    groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`],
  });
}
const isAuthorizer = isA(CelAuthorizer);
const isResource = isA(CelResourceCheck);
const isDecision = isA(Decision);
const narrowed = (id: string, field: keyof ResourceOf) => [
  overload(id, [isResource, isString], (check: CelResourceCheck, value: string) => check.with({ [field]: value })),
]; // prettier-ignore

/** Source: apiserver pkg/cel/library/authz.go. */
export const authorization: CelLibrary = {
  path: [overload('authorizer_path', [isAuthorizer, isString], (of: CelAuthorizer, path: string) => new PathCheck(of, path))],
  group: [overload('authorizer_group', [isAuthorizer, isString], (of: CelAuthorizer, group: string) => new GroupCheck(of, group))],
  serviceAccount: [
    stepwise('authorizer_serviceaccount', [isAuthorizer, isString, isString], asServiceAccount),
  ],
  resource: [
    overload('groupcheck_resource', [isA(GroupCheck), isString], ({ authorizer, group }: GroupCheck, resource: string) => new CelResourceCheck(authorizer, { group, resource })),
  ],
  subresource: narrowed('resourcecheck_subresource', 'subresource'),
  namespace: narrowed('resourcecheck_namespace', 'namespace'),
  name: narrowed('resourcecheck_name', 'name'),
  fieldSelector: narrowed('authorizer_fieldselector', 'fieldSelector'),
  labelSelector: narrowed('authorizer_labelselector', 'labelSelector'),
  check: [
    overload('pathcheck_check', [isA(PathCheck), isString], ({ authorizer, path }: PathCheck, verb: string) => authorizer.decide({ user: authorizer.user, verb, path })),
    overload('resourcecheck_check', [isResource, isString], checkResource),
  ],
  errored: [overload('decision_errored', [isDecision], ({ decision }: Decision) => decision.error !== undefined)],
  error: [overload('decision_error', [isDecision], ({ decision }: Decision) => decision.error ?? '')],
  allowed: [overload('decision_allowed', [isDecision], ({ decision }: Decision) => decision.allowed)],
  reason: [overload('decision_reason', [isDecision], ({ decision }: Decision) => decision.reason)],
}; // prettier-ignore
