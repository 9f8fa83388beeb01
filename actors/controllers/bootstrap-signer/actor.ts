import { createHmac } from 'node:crypto';
import type { ConfigMap, Secret } from '../../../schemas/generated/core-v1.ts';
import { bootstrapTokens } from '../../runtime/bootstrap-tokens.ts';
import { reconciling, startController, type Controller } from '../../runtime/controller.ts';
import { source } from '../../runtime/source.ts';
import type { ControllerDeps } from '../../runtime/controller-deps.ts';
import { configMaps } from '../../runtime/resources.ts';
import { reconcile, type Sign } from './reconcile.ts';

const [NAMESPACE, NAME] = ['kube-public', 'cluster-info'];
const KEY = `${NAMESPACE}/${NAME}`;

/** Signs `cluster-info` for machines that join by a token, where somebody has made it. */
export function startBootstrapSigner(deps: ControllerDeps): Controller {
  const client = deps.client('controller:bootstrap-signer');
  const tokens = bootstrapTokens(deps.informers);
  const infos = deps.informers.for<ConfigMap>(configMaps, { namespace: NAMESPACE, fieldSelector: `metadata.name=${NAME}` }); // prettier-ignore
  return startController({
    name: 'bootstrap-signer',
    ...deps,
    client,
    sources: [source<ConfigMap>(infos, () => [KEY]), source<Secret>(tokens, () => [KEY])],
    sync: reconciling(() => ({ info: infos.get(KEY), tokens: tokens.all(), sign }), reconcile),
  });
}

/** Source: k8s.io/cluster-bootstrap token/jws, RFC 7515 appendix F. */
export const sign: Sign = (content, id, secret) => {
  const header = Buffer.from(JSON.stringify({ alg: 'HS256', kid: id })).toString('base64url');
  const payload = Buffer.from(content).toString('base64url');
  return `${header}..${createHmac('sha256', secret).update(`${header}.${payload}`).digest('base64url')}`;
};
