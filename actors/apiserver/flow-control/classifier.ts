import { createHash } from 'node:crypto';
import type { FlowSchema } from '../../../schemas/generated/flowcontrol-v1.ts';
import type { RequestInfo, UserInfo } from '../request.ts';
import { Counts } from './counts.ts';
import { deal } from './dealer.ts';
import type { Level } from './level.ts';
import { compileRule, precedence, type Rule } from './matching.ts';

/** What an answer says of its place in priority and fairness. */
export interface FlowClass {
  readonly schemaUid: string;
  readonly levelUid: string;
}
/** A flow: what a FlowSchema takes together, and the queues dealt to it. */
export interface Flow {
  readonly distinguisher: string;
  readonly hand: readonly number[];
}
const NO_FLOW: Flow = { distinguisher: '', hand: [] };
/** Hands that are remembered for each FlowSchema. */
const MAX_FLOWS = 10_000;

/** A FlowSchema and the level that its requests go to. */
export class CompiledSchema<Owner = unknown> {
  readonly name: string;
  readonly level: Level<Owner>;
  readonly flowClass: FlowClass;
  readonly rules: readonly Rule[];
  readonly counts: Counts;
  readonly #by: string | undefined;
  readonly #flows = new Map<string, Flow>();
  constructor({ metadata, spec }: FlowSchema, level: Level<Owner>, counts: Counts) {
    this.name = metadata.name ?? '';
    this.level = level;
    this.counts = counts;
    this.flowClass = { schemaUid: metadata.uid ?? '', levelUid: level.spec.uid };
    this.rules = (spec?.rules ?? []).map(compileRule);
    this.#by = spec?.distinguisherMethod?.type;
  }
  flowOf(user: UserInfo, info: RequestInfo): Flow {
    const { queues, handSize } = this.level.spec.queuing;
    if (queues < 1) return NO_FLOW;
    // With one queue there is nothing to tell apart.
    const distinguisher =
      queues === 1 || this.#by === undefined ? '' : this.#by === 'ByUser' ? user.name : info.namespace;
    let flow = this.#flows.get(distinguisher);
    if (flow === undefined) {
      if (this.#flows.size >= MAX_FLOWS) this.#flows.clear();
      flow = { distinguisher, hand: deal(hashOf(this.name, distinguisher), queues, handSize) };
      this.#flows.set(distinguisher, flow);
    }
    return flow;
  }
}
/** Source: apf_controller.go hashFlowID. */
const hashOf = (schema: string, distinguisher: string): bigint =>
  createHash('sha256').update(`${schema}\0${distinguisher}`).digest().readBigUInt64LE();

interface Candidate<Owner> {
  readonly schema: CompiledSchema<Owner>;
  readonly rules: readonly Rule[];
}
/** Finds the FlowSchema of a request: the first that matches, in their order. What concerns a user is found once. */
export class Classifier<Owner = unknown> {
  readonly #schemas: readonly CompiledSchema<Owner>[];
  readonly #fallback: CompiledSchema<Owner>;
  readonly #users = new WeakMap<UserInfo, readonly Candidate<Owner>[]>();
  /** `known` keeps what was counted when the configuration changes. `catch-all` and `exempt` must be among the levels. */
  constructor(
    schemas: readonly FlowSchema[],
    levels: ReadonlyMap<string, Level<Owner>>,
    imagined: { readonly exempt: FlowSchema; readonly catchAll: FlowSchema },
    known: Map<string, Counts>,
  ) {
    const compile = (schema: FlowSchema): CompiledSchema<Owner>[] => {
      const level = levels.get(schema.spec?.priorityLevelConfiguration.name ?? '');
      if (level === undefined) return [];
      const key = JSON.stringify([level.spec.name, schema.metadata.name]);
      let counts = known.get(key);
      if (counts === undefined) known.set(key, (counts = new Counts(level.spec.name, schema.metadata.name ?? '')));
      return [new CompiledSchema(schema, level, counts)];
    };
    const named = (name: string): boolean => this.#schemas.some((schema) => schema.name === name);
    this.#schemas = schemas.toSorted(precedence).flatMap(compile);
    if (!named('exempt')) this.#schemas = [...compile(imagined.exempt), ...this.#schemas];
    if (!named('catch-all')) this.#schemas = [...this.#schemas, ...compile(imagined.catchAll)];
    this.#fallback = this.#schemas.find(({ name }) => name === 'catch-all')!;
  }
  classify(user: UserInfo, info: RequestInfo): CompiledSchema<Owner> {
    let candidates = this.#users.get(user);
    if (candidates === undefined) this.#users.set(user, (candidates = this.#candidates(user)));
    for (const { schema, rules } of candidates) for (const rule of rules) if (rule.request(info)) return schema;
    return this.#fallback;
  }
  #candidates(user: UserInfo): Candidate<Owner>[] {
    const found: Candidate<Owner>[] = [];
    for (const schema of this.#schemas) {
      const rules = schema.rules.filter((rule) => rule.subjects(user));
      if (rules.length > 0) found.push({ schema, rules });
    }
    return found;
  }
}
