import type { Secret } from '../generated/core-v1.ts';
import { parseTime } from '../meta/time.ts';
import { fromBase64 } from './base64.ts';

/** Secrets by which machines join. Source: k8s.io/cluster-bootstrap token/api, util/secrets. */
export const BOOTSTRAP_TOKEN = 'bootstrap.kubernetes.io/token';
const NAME = /^bootstrap-token-([a-z0-9]{6})$/;

/** What the token says under `key`; empty if nothing. */
export const tokenData = ({ data }: Secret, key: string): string =>
  data !== undefined && Object.hasOwn(data, key) ? fromBase64(data[key]!) : '';
/** The id that the Secret's name holds. */
export const tokenIdOf = ({ metadata }: Secret): string | undefined => NAME.exec(metadata.name ?? '')?.[1];
/** Milliseconds until it expires, at most 0 once it has, as it has where its time cannot be read; undefined: never. */
export function tokenLifeMs(secret: Secret, now: number): number | undefined {
  const expiration = tokenData(secret, 'expiration');
  return expiration === '' ? undefined : (parseTime(expiration) ?? now) - now;
}
