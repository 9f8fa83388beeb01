import { defineResource } from '../define.ts';
import type { Binding } from '../generated/core-v1.ts';
import { notSupported, required } from '../meta/field.ts';

export const binding = defineResource<Binding>({
  group: '',
  version: 'v1',
  resource: 'bindings',
  /** Source: pkg/apis/core/validation ValidatePodBinding. */
  *validate({ target }, at) {
    if (target?.kind && target.kind !== 'Node')
      yield notSupported(at('target')('kind'), target.kind, ['Node', '<empty>']);
    if (!target?.name) yield required(at('target')('name'));
  },
});
