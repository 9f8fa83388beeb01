import type { AdmissionPlugin } from '../request.ts';
import { forbid, operations } from './common.ts';

/** For tests of clients. Source: kubernetes plugin/pkg/admission/deny. */
export const alwaysDeny = (): AdmissionPlugin => ({
  name: 'AlwaysDeny',
  handles: operations('CREATE', 'UPDATE', 'DELETE', 'CONNECT'),
  mutate(a) {
    throw forbid(a, 'admission control is denying all modifications');
  },
});
