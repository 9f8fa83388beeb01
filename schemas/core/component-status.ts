import { defineResource } from '../define.ts';
import type { ComponentStatus } from '../generated/core-v1.ts';

/** Nobody stores one: they are worked out when somebody asks. */
export const componentStatus = defineResource<ComponentStatus>({
  group: '', version: 'v1', resource: 'componentstatuses',
  /** Source: pkg/printers/internalversion printComponentStatus. */
  cells({ metadata, conditions }) {
    const healthy = conditions?.find(({ type }) => type === 'Healthy');
    const status = healthy === undefined ? 'Unknown' : healthy.status === 'True' ? 'Healthy' : 'Unhealthy';
    return [metadata.name ?? '', status, healthy?.message ?? '', healthy?.error ?? ''];
  },
}); // prettier-ignore
