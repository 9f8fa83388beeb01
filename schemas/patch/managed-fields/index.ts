export { applyServerSide, type Applied, type ServerSideApply } from './apply.ts';
export { resetFieldsOf } from './reset-fields.ts';
export { updateManagedFields, type ManagedUpdate, type VersionOf } from './update.ts';
