import facts from '../facts/flowcontrol.json' with { type: 'json' };

/** Objects that always exist and whose spec is fixed. Source: pkg/apis/flowcontrol/bootstrap. */
const MANDATORY: ReadonlySet<string> = new Set(['exempt', 'catch-all']);
type Fact = { readonly metadata: { readonly name: string }; readonly spec: unknown };
const byKind: Readonly<Record<string, readonly Fact[]>> = {
  FlowSchema: facts.flowSchemas,
  PriorityLevelConfiguration: facts.priorityLevelConfigurations,
};

export const mandatorySpec = (kind: 'FlowSchema' | 'PriorityLevelConfiguration', name: string): unknown =>
  MANDATORY.has(name) ? byKind[kind]!.find((o) => o.metadata.name === name)?.spec : undefined;
