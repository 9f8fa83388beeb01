export { fieldSetOfPath } from './field-set.ts';
export { applyServerSide, checkConfiguration } from './apply.ts';
export { resetFieldsOf, restoredFieldsOf } from './reset-fields.ts';
export { updateManagedFields, type VersionOf } from './update.ts';
