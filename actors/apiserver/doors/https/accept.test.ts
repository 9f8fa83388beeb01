import { describe, expect, it } from 'vitest';
import { negotiate, negotiateFailure, type Endpoint } from './accept.ts';

const PROTOBUF = 'application/vnd.kubernetes.protobuf';
const ROUTED =
  '406: Not Acceptable\n\nAvailable representations: application/json, application/yaml, application/vnd.kubernetes.protobuf';
const TYPES =
  'only the following media types are accepted: application/json, application/yaml, application/vnd.kubernetes.protobuf';
const STREAMS = ', application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch';
/** Format and form, or the refusal. */
function of(accept: string, kind: Endpoint['kind']): string {
  try {
    const { format, as, version, pretty } = negotiate(accept, { kind });
    return [format, as, version, pretty ? 'pretty' : ''].filter((part) => part !== '').join(' ');
  } catch (error) {
    return (error as Error).message;
  }
}
// What the real server answered.
describe('an Accept header', () => {
  it.each<readonly string[]>([
    ['application/yaml', 'yaml'],
    [PROTOBUF, 'protobuf', 'protobuf', TYPES],
    [`${PROTOBUF}, */*`, 'protobuf', 'protobuf', 'json'],
    ['application/json;q=0.1, application/yaml', 'yaml'],
    ['application/json;q=0', 'json'],
    ['application/json;q=x, application/yaml;q=0.1', 'yaml'],
    ['application/json;pretty=1', 'json pretty'],
    ['application/json;x=y', 'json'],
    ['application/json;stream=watch', 'json'],
    ['application/json;stream=x', TYPES],
    ['application/yaml;stream=watch', TYPES],
    ['application/json;v=v1', TYPES],
    ['application/json;as=', 'json'],
    ['application/json;as=Table;v=v1;g=meta.k8s.io', 'json Table v1'],
    ['application/json;as=Table;v=v2;g=meta.k8s.io,application/json', 'json'],
    ['application/json;AS=Table;v=v1;g=meta.k8s.io', TYPES],
    [`${PROTOBUF};as=Table;v=v1;g=meta.k8s.io`, TYPES],
    [`${PROTOBUF};as=PartialObjectMetadata;v=v1;g=meta.k8s.io`, 'protobuf PartialObjectMetadata v1'],
    ['text/html', ROUTED, ROUTED + STREAMS, TYPES],
    ['application/*', ROUTED, ROUTED + STREAMS, 'json'],
    ['APPLICATION/JSON', ROUTED, ROUTED + STREAMS, TYPES],
    ['application/cbor', ROUTED, ROUTED + STREAMS, TYPES],
    ['application/cbor, application/json', 'json'],
    ['*', ROUTED, ROUTED + STREAMS, 'json'],
    [',', ROUTED, ROUTED + STREAMS, TYPES],
  ])('%s', (accept, item, list = item, custom = item) => {
    const answers = (['item', 'list', 'custom'] as const).map((kind) => of(accept, kind));
    expect(answers).toEqual([item, list, custom]);
  });

  it.each([
    ['application/json;as=Table;v=v1;g=meta.k8s.io', TYPES],
    ['application/json;as=Table;v=v1;g=meta.k8s.io,application/json', 'json'],
    ['application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io', 'json PartialObjectMetadata v1'],
    ['text/html', ROUTED],
  ])('of a review, %s', (accept, answer) => {
    expect(of(accept, 'tableless')).toBe(answer);
  });

  it.each([
    ['application/yaml', 'yaml'],
    [`${PROTOBUF}, */*`, 'protobuf'],
    ['application/json;as=Table;v=v1;g=meta.k8s.io', undefined],
    ['application/json;as=Table;v=v1;g=meta.k8s.io,application/yaml', 'yaml'],
    ['application/*', 'json'],
    ['text/html', undefined],
  ])('of a refused request, %s', (accept, format) => {
    expect(negotiateFailure(accept)?.format).toBe(format);
  });
});
