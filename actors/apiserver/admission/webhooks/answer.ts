/** An admission webhook's answer: an AdmissionReview, or what is wrong with it in the words of Go's decoder. */
import { BadAnswer, readObject, unregistered, type Answered } from '../../outbound/answer.ts';
import type { OutboundAnswer } from '../../../runtime/outbound/outbound.ts';

/** The review in an answer of an admission webhook. Throws BadAnswer. */
export async function readReview(answer: OutboundAnswer, expectedVersion: string): Promise<Answered> {
  const review = await readObject(answer);
  const { kind = '', apiVersion = '' } = review as { kind?: unknown; apiVersion?: unknown };
  const problem = typeProblem(String(kind), String(apiVersion), expectedVersion) ?? fieldProblem(review['response']);
  if (problem !== undefined) throw new BadAnswer(problem);
  return review;
}
/** Kinds that the client knows besides: all that is registered for Status and options there. */
function typeProblem(kind: string, apiVersion: string, expected: string): string | undefined {
  if (kind === '' || apiVersion === '') return undefined;
  if (kind === 'AdmissionReview' && apiVersion === `admission.k8s.io/${expected}`) return undefined;
  const target = `${expected}.AdmissionReview`;
  if (kind === 'AdmissionReview' && ['admission.k8s.io/v1', 'admission.k8s.io/v1beta1'].includes(apiVersion))
    return `converting (${apiVersion.split('/')[1]}.AdmissionReview) to (${target}): unknown conversion`;
  if (kind === 'Status' && apiVersion === 'v1') return `converting (v1.Status) to (${target}): unknown conversion`;
  return unregistered(kind, apiVersion);
}
const isString = (value: unknown): boolean => typeof value === 'string';
const isMap = (value: unknown): value is Answered =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
/** Fields of the answer, how they must look and what Go calls their type. */
const FIELDS: readonly [name: string, holds: (value: unknown) => boolean, type: string][] = [
  ['uid', isString, 'types.UID'],
  ['allowed', (v) => typeof v === 'boolean', 'bool'],
  ['status', isMap, 'v1.Status'],
  ['patch', isString, '[]uint8'],
  ['patchType', isString, 'v1.PatchType'],
  ['auditAnnotations', isMap, 'map[string]string'],
  ['warnings', Array.isArray, '[]string'],
];
function fieldProblem(response: unknown): string | undefined {
  if (response === undefined || response === null) return undefined;
  const wrong = (value: unknown, field: string, type: string): string =>
    `json: cannot unmarshal ${goKind(value)} into Go struct field ${field} of type ${type}`;
  if (!isMap(response)) return wrong(response, 'AdmissionReview.response', 'v1.AdmissionResponse');
  for (const [name, holds, type] of FIELDS) {
    const value = response[name];
    if (value !== undefined && value !== null && !holds(value)) return wrong(value, `AdmissionResponse.response.${name}`, type);
  }
  const texts: [string, readonly unknown[]][] = [
    ['auditAnnotations', Object.values(response['auditAnnotations'] ?? {})],
    ['warnings', (response['warnings'] ?? []) as readonly unknown[]],
  ];
  for (const [name, values] of texts)
    for (const value of values)
      if (value !== null && !isString(value)) return wrong(value, `AdmissionResponse.response.${name}`, 'string');
  const { patch } = response;
  const at = typeof patch === 'string' ? badBase64(patch) : undefined;
  return at === undefined ? undefined : `illegal base64 data at input byte ${at}`;
} // prettier-ignore
const goKind = (value: unknown): string =>
  Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
/** Where standard base64 with padding ends to be such. Source: encoding/base64 CorruptInputError. */
function badBase64(text: string): number | undefined {
  const clean = text.replace(/[\r\n]/g, '');
  const bad = clean.search(/[^A-Za-z0-9+/=]/);
  if (bad >= 0) return bad;
  if (/^[^=]*={0,2}$/.test(clean) && clean.length % 4 === 0) return undefined;
  const padding = clean.indexOf('=');
  return padding >= 0 ? padding : clean.length;
}
