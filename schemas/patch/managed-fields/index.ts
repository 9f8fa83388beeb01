export { fieldSetOfPath } from './field-set.ts';
export { applyServerSide, checkConfiguration, type ServerSideApply } from './apply.ts';
export { mergeConfiguration } from './merge-only.ts';
export { resetFieldsOf, restoredFieldsOf } from './reset-fields.ts';
export { updateManagedFields, type ManagedUpdate, type VersionOf } from './update.ts';
