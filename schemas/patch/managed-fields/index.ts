export { applyServerSide } from './apply.ts';
export { resetFieldsOf } from './reset-fields.ts';
export { updateManagedFields, type VersionOf } from './update.ts';
