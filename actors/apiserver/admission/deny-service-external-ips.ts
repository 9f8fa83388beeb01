import type { Service } from '../../../schemas/generated/core-v1.ts';
import type { AdmissionPlugin } from '../request.ts';
import { forbid, isOn, operations } from './common.ts';

/** Source: kubernetes plugin/pkg/admission/network/denyserviceexternalips. */
export const denyServiceExternalIps = (): AdmissionPlugin => ({
  name: 'DenyServiceExternalIPs',
  handles: operations('CREATE', 'UPDATE'),
  validate(a) {
    if (!isOn(a, '', 'services')) return;
    const before = new Set((a.old as Service | undefined)?.spec?.externalIPs);
    const added = ((a.object as Service | undefined)?.spec?.externalIPs ?? []).filter((ip) => !before.has(ip));
    if (added.length > 0) throw forbid(a, 'Use of external IPs is denied by admission control');
  },
});
