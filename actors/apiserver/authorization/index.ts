/**
 * Who may do what. `createAuthorizer({ registry, cache })` joins system:masters, the node rules and RBAC, in this order;
 * `createConfiguredAuthorizer(...)` asks whom the operator named instead, webhooks among them (chain.ts);
 * `forbidden(user, info, reason)` is the 403 of a refused request; `createReviews(...)` answers access reviews.
 * (escalation.ts is the admission plugin that keeps writers of roles within their own rights; admission/ adds it.)
 */
export { createAuthorizer, createConfiguredAuthorizer, type AuthorizationOptions } from './authorizer.ts';
export { forbidden } from './forbidden.ts';
export { createReviews } from './reviews.ts';
