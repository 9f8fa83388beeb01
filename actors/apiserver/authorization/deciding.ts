import type { Authorizer, Decision, RequestInfo, UserInfo } from '../request.ts';

/** Steps that ask authorizers: `const { allowed } = yield authorizer.authorize(user, info)`. */
export type Deciding<R> = Generator<Decision | Promise<Decision>, R, Decision>;

/** Takes the steps at once as far as all answers are there at once, which is the rule: waiting costs what is asked often. */
export function decided<R>(steps: Deciding<R>): R | Promise<R> {
  let step = steps.next();
  while (!step.done) {
    if (step.value instanceof Promise) return waited(steps, step.value);
    step = steps.next(step.value);
  }
  return step.value;
}
async function waited<R>(steps: Deciding<R>, first: Promise<Decision>): Promise<R> {
  let step = steps.next(await first);
  while (!step.done) step = steps.next(await step.value);
  return step.value;
}

/** What a refusal says of why: what went wrong, then what authorizers had to say. Source: apiserver pkg/endpoints/filters/impersonation checkAuthorization. */
export const reasonsOf = ({ reason, error }: Decision): string =>
  error === undefined ? reason : reason === '' ? error : `${error}: ${reason}`;
/** Whether the user may: what cannot be told is a no. */
export function* may(authorizer: Authorizer, user: UserInfo, info: RequestInfo): Deciding<boolean> {
  return (yield authorizer.authorize(user, info)).allowed === 'yes';
}
