import { defineResource } from '../define.ts';
import type { RuntimeClass } from '../generated/node-v1.ts';
import { validateContainerResourceName } from '../core/resource-names.ts';
import { validateResourceRequirements } from '../core/resource-requirements.ts';
import { goStruct } from '../helpers/go-struct.ts';
import { deprecatedNodeLabel } from '../helpers/node-labels.ts';
import { validateTolerations } from '../helpers/toleration-rules.ts';
import { problems } from '../helpers/checks.ts';
import { immutable } from '../meta/field-checks.ts';
import { duplicate, fieldPath, required } from '../meta/field.ts';
import { dnsLabel } from '../meta/names.ts';
import { validateLabels } from '../meta/selectors.ts';
import { age } from '../meta/time.ts';

const NONE: ReadonlySet<string> = new Set();

export const runtimeClass = defineResource<RuntimeClass>({
  group: 'node.k8s.io', version: 'v1', resource: 'runtimeclasses',
  metadataChecks: ['whole', 'changes'],
  anyFinalizers: true,
  allowCreateOnUpdate: true,
  requiresResourceVersionOnUpdate: true,

  *validate({ handler, overhead, scheduling }, at) {
    if (!handler) yield required(at('handler'));
    else yield* problems(dnsLabel(handler), handler, at('handler'));
    if (overhead) yield* validateResourceRequirements({ limits: overhead.podFixed ?? {} }, validateContainerResourceName, NONE, at('overhead'));
    if (!scheduling) return;
    yield* validateLabels(scheduling.nodeSelector, at('scheduling')('nodeSelector'));
    const here = at('scheduling')('tolerations');
    const tolerations = scheduling.tolerations ?? [];
    yield* validateTolerations(tolerations, here);
    const seen = new Set<string>();
    for (const [i, toleration] of tolerations.entries()) {
      const { key, operator, value, effect } = toleration;
      const id = JSON.stringify([key, operator, value, effect]);
      if (seen.has(id)) yield duplicate(here(i), goStruct(toleration, 'io.k8s.api.core.v1.Toleration'));
      seen.add(id);
    }
  },
  *validateUpdate({ handler }, old, at) {
    yield* immutable(handler, old.handler, at('handler'));
  },

  warnings: ({ scheduling }) =>
    Object.keys(scheduling?.nodeSelector ?? {}).flatMap((key) => deprecatedNodeLabel(key, fieldPath('scheduling')('nodeSelector'))),

  cells: ({ metadata, handler }, now) => [metadata.name ?? '', handler ?? '', age(metadata.creationTimestamp, now)],
}); // prettier-ignore
