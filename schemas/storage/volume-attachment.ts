import { defineResource, type Errors } from '../define.ts';
import type { VolumeAttachment, VolumeAttachmentSource, VolumeError } from '../generated/storage-v1.ts';
import { validateInlineSpec } from '../core/persistent-volume-inline.ts';
import { roundUpList } from '../core/pod-spec-defaults.ts';
import { problems } from '../helpers/checks.ts';
import { goStruct } from '../helpers/go-struct.ts';
import { forbidden, invalid, required, tooLong, type FieldPath } from '../meta/field.ts';
import { byteLength, dnsSubdomain, inclusiveRange } from '../meta/names.ts';
import { age } from '../meta/time.ts';
import { sameStruct } from '../structural/semantic-equal.ts';
import { mapBytes, MAX_PARAMETERS_BYTES, validateDriverName } from './parameters.ts';

const SPEC = 'io.k8s.api.storage.v1.VolumeAttachmentSpec';
const MAX_ERROR_BYTES = 1024;
const MAX_INT32 = 2 ** 31 - 1;
const ONE_SOURCE = 'must specify exactly one of inlineVolumeSpec and persistentVolumeName';

export const volumeAttachment = defineResource<VolumeAttachment>({
  group: 'storage.k8s.io', version: 'v1', resource: 'volumeattachments',
  metadataChecks: ['whole'],
  statusMetadataChecks: ['whole'],
  deleteReturnsObject: true,
  requiresResourceVersionOnUpdate: true,
  tracksGeneration: false,

  defaults(draft) {
    const volume = draft.spec?.source?.inlineVolumeSpec;
    if (volume?.hostPath) volume.hostPath.type ??= '';
    if (volume?.capacity) roundUpList(volume.capacity);
    return draft;
  },
  prepareForCreate(draft) {
    draft.status = { attached: false };
    return draft;
  },
  prepareForUpdate(draft, old) {
    draft.status = old.status ?? { attached: false };
    return draft;
  },
  *validate({ spec, status }, at) {
    const here = at('spec');
    yield* validateDriverName(spec?.attacher, dnsSubdomain, here('attacher'));
    yield* validateSource(spec?.source ?? {}, here('source'));
    yield* problems(dnsSubdomain(spec?.nodeName ?? ''), spec?.nodeName ?? '', here('nodeName'));
    yield* validateStatus(status, at('status'));
    const volume = spec?.source?.persistentVolumeName;
    if (volume !== undefined) yield* problems(dnsSubdomain(volume), volume, here('source')('persistentVolumeName'));
  },
  *validateUpdate({ spec }, old, at) {
    if (!sameStruct(spec, old.spec, SPEC)) yield invalid(at('spec'), goStruct(spec, SPEC), 'field is immutable');
  },
  *validateStatusUpdate({ status }, _old, at) {
    yield* validateStatus(status, at('status'));
  },

  cells: ({ metadata, spec, status }, now) => [
    metadata.name ?? '', spec?.attacher ?? '', spec?.source?.persistentVolumeName ?? '', spec?.nodeName ?? '', status?.attached ?? false,
    age(metadata.creationTimestamp, now),
  ],
}); // prettier-ignore

function* validateSource({ inlineVolumeSpec, persistentVolumeName }: VolumeAttachmentSource, at: FieldPath): Errors {
  if (inlineVolumeSpec === undefined && persistentVolumeName === undefined) yield required(at, ONE_SOURCE);
  else if (inlineVolumeSpec !== undefined && persistentVolumeName !== undefined) yield forbidden(at, ONE_SOURCE);
  else if (persistentVolumeName === '')
    yield required(at('persistentVolumeName'), 'must specify non empty persistentVolumeName');
  else if (inlineVolumeSpec !== undefined) yield* validateInlineSpec(inlineVolumeSpec, at('inlineVolumeSpec'));
}
function* validateStatus(status: VolumeAttachment['status'], at: FieldPath): Errors {
  if (mapBytes(status?.attachmentMetadata) > MAX_PARAMETERS_BYTES)
    yield tooLong(at('attachmentMetadata'), MAX_PARAMETERS_BYTES);
  yield* validateError(status?.attachError, at('attachError'));
  yield* validateError(status?.detachError, at('detachError'));
}
function* validateError(error: VolumeError | undefined, at: FieldPath): Errors {
  // The limit printed is another one, as in the real server.
  if (byteLength(error?.message ?? '') > MAX_ERROR_BYTES) yield tooLong(at('message'), MAX_PARAMETERS_BYTES);
  if ((error?.errorCode ?? 0) < 0) yield invalid(at('errorCode'), error?.errorCode, inclusiveRange(0, MAX_INT32));
}
