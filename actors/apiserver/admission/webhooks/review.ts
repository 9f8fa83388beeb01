/** What a webhook is sent and what it may answer. Source: apiserver pkg/admission/plugin/webhook/request. */
import { parseJson, JsonSyntaxError } from '../../../../schemas/codec/json.ts';
import type { Status } from '../../../../schemas/meta/status.ts';
import type { Resource } from '../../../../schemas/resource.ts';
import { goQuote } from '../../../../schemas/meta/go-quote.ts';
import { goJson } from '../../../../schemas/codec/go-json.ts';
import type { AdmissionAttributes } from '../../request.ts';
import { admissionRequest, optionsOf } from '../dynamic/request.ts';
import type { Seen } from '../dynamic/versioned.ts';

type ReviewVersion = 'v1' | 'v1beta1';
/** The first of those that the webhook accepts that is known here. */
export const reviewVersion = (accepted: readonly string[] | undefined): ReviewVersion | undefined =>
  accepted?.find((version): version is ReviewVersion => version === 'v1' || version === 'v1beta1');

export function encodeReview(version: ReviewVersion, a: AdmissionAttributes, uid: string, as: Resource, seen: Seen): Uint8Array {
  const request = {
    ...admissionRequest(a, uid, as),
    object: seen.object ?? null,
    oldObject: seen.old ?? null,
    dryRun: a.dryRun,
    options: optionsOf(a),
  };
  return Buffer.from(goJson({ kind: 'AdmissionReview', apiVersion: `admission.k8s.io/${version}`, request }));
} // prettier-ignore

export interface Verdict {
  readonly allowed: boolean;
  readonly result: Partial<Status> | undefined;
  readonly warnings: readonly string[];
  readonly auditAnnotations: Readonly<Record<string, string>>;
  /** Of JSON Patch, still bytes; undefined: nothing to change. */
  readonly patch: Uint8Array | undefined;
  readonly patchType: string;
}
/** The answer is none: `message` says why. */
export class InvalidReview extends Error {}

interface Response {
  readonly uid?: string;
  readonly allowed?: boolean;
  readonly status?: Partial<Status>;
  readonly patch?: string;
  readonly patchType?: string;
  readonly auditAnnotations?: Readonly<Record<string, string>>;
  readonly warnings?: readonly string[];
}
/** `review`: decoded. Throws InvalidReview. */
export function readVerdict(version: ReviewVersion, uid: string, isMutating: boolean, review: Record<string, unknown>): Verdict {
  const response = review['response'] as Response | null | undefined;
  if (response === undefined || response === null) throw new InvalidReview('webhook response was absent');
  const patch = response.patch ? new Uint8Array(Buffer.from(response.patch, 'base64')) : undefined;
  const { patchType } = response;
  if (version === 'v1') {
    if ((response.uid ?? '') !== uid) throw new InvalidReview(`expected response.uid=${goQuote(uid)}, got ${goQuote(response.uid ?? '')}`);
    const { kind = '', apiVersion = '' } = review as { kind?: string; apiVersion?: string };
    if (kind !== 'AdmissionReview' || apiVersion !== 'admission.k8s.io/v1')
      throw new InvalidReview(`expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got ${apiVersion.includes('/') ? apiVersion : `/${apiVersion}`}, Kind=${kind}`);
    if (isMutating) {
      if (patch !== undefined && patchType === undefined) throw new InvalidReview('webhook returned response.patch but not response.patchType');
      if (patch === undefined && patchType !== undefined) throw new InvalidReview('webhook returned response.patchType but not response.patch');
      if (patchType === '') throw new InvalidReview('webhook returned invalid response.patchType of ""');
    } else {
      if (patch !== undefined) throw new InvalidReview('validating webhook may not return response.patch');
      if (patchType !== undefined) throw new InvalidReview('validating webhook may not return response.patchType');
    }
  }
  return {
    allowed: response.allowed === true,
    result: response.status,
    warnings: response.warnings ?? [],
    auditAnnotations: response.auditAnnotations ?? {},
    patch: isMutating ? patch : undefined,
    patchType: version === 'v1' ? (patchType ?? '') : 'JSONPatch',
  };
} // prettier-ignore
/** A patch as a list of operations. Throws Error in the words of Go's decoder. */
export function decodePatch(bytes: Uint8Array): readonly unknown[] {
  const { value } = parseJson(bytes);
  if (value === null) return [];
  const shown = typeof value === 'boolean' ? 'bool' : Array.isArray(value) ? 'array' : typeof value;
  if (!Array.isArray(value))
    throw new JsonSyntaxError(`json: cannot unmarshal ${shown} into Go value of type jsonpatch.Patch`);
  return value;
}
