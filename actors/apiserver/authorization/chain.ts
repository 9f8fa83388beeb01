/** Authorizers in the order in which the operator wants them asked. Loaded by who has configured one. */
import type { World } from '../../../bus/world.ts';
import { aggregate } from '../../../schemas/meta/aggregate.ts';
import type { Metrics } from '../metrics/index.ts';
import type { Decision } from '../request.ts';
import type { Chain, ChainedAuthorizer, OwnAuthorizers } from './authorizer.ts';
import type { AuthorizerConfiguration } from './configuration.ts';
import { decided, type Deciding } from './deciding.ts';
import { authorizationMetrics } from './metrics.ts';
import { createWebhookAuthorizer } from './webhook.ts';

const EVERYTHING = [
  { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
  { verbs: ['*'], nonResourceURLs: ['*'] },
];
const AlwaysAllow: ChainedAuthorizer = {
  authorize: () => ({ allowed: 'yes', reason: '' }),
  rulesFor: () => ({ rules: EVERYTHING, incomplete: false, errors: [] }),
};
const AlwaysDeny: ChainedAuthorizer = {
  authorize: () => ({ allowed: 'noOpinion', reason: 'Everything is forbidden.' }),
  rulesFor: () => ({ rules: [], incomplete: false, errors: [] }),
};

/**
 * Makes chains that count into the same series. Of a chain the first that says yes or no decides; where none does, the
 * reasons and failures of all are told. Source: apiserver pkg/authorization/union, kubernetes pkg/kubeapiserver/authorizer.
 */
export function createChains(
  world: Pick<World, 'clock' | 'random'>,
  metrics: Pick<Metrics, 'section'>,
  own: OwnAuthorizers,
): (configured: readonly AuthorizerConfiguration[]) => Chain {
  const counts = authorizationMetrics(metrics);
  return (configured) => {
    const closing: (() => void)[] = [];
    const links = configured.map((one) => {
      const decisions = counts.decisions(one.type, one.name);
      if (one.type !== 'Webhook') return { decisions, authorizer: { ...own, AlwaysAllow, AlwaysDeny }[one.type] };
      const authorizer = createWebhookAuthorizer(one, world, counts);
      closing.push(authorizer.close);
      return { decisions, authorizer };
    });
    function* steps(...asked: Parameters<ChainedAuthorizer['authorize']>): Deciding<Decision> {
      const reasons: string[] = [];
      const errors: string[] = [];
      for (const { decisions, authorizer } of links) {
        const decision = yield authorizer.authorize(...asked);
        const { allowed, reason, error } = decision;
        if (allowed !== 'noOpinion') {
          decisions[allowed === 'yes' ? 'allowed' : 'denied'].n++;
          return decision;
        }
        if (reason !== '') reasons.push(reason);
        if (error !== undefined) errors.push(error);
      }
      return {
        allowed: 'noOpinion',
        reason: reasons.join('\n'),
        error: errors.length > 0 ? aggregate(errors) : undefined,
      };
    }
    return {
      authorize: (user, info) => decided(steps(user, info)),
      rulesFor(user, namespace) {
        const all = links.map(({ authorizer }) => authorizer.rulesFor(user, namespace));
        return {
          rules: all.flatMap(({ rules }) => rules),
          incomplete: all.some(({ incomplete }) => incomplete),
          errors: all.flatMap(({ errors }) => errors),
        };
      },
      close: () => closing.forEach((close) => close()),
    };
  };
}
