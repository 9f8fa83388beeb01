/**
 * Who may do what. `createAuthorizer({ registry, cache })` joins system:masters, the node rules and RBAC, in this order;
 * `forbidden(user, info, reason)` is the 403 of a refused request; `createReviews(...)` answers access reviews;
 * `createEscalationCheck(...)` is the admission plugin that keeps writers of roles within their own rights.
 */
export { createAuthorizer, type ClusterAuthorizer } from './authorizer.ts';
export { forbidden, forbiddenMessage, forbiddenObject } from './forbidden.ts';
export { createReviews } from './reviews.ts';
export { createEscalationCheck } from './escalation.ts';
