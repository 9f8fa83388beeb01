/**
 * Users of other issuers (OpenID Connect), by an AuthenticationConfiguration: `readAuthenticationConfiguration` reads the
 * file, `createJwtAuthenticator` knows the users of one configuration at a time. Loaded where there is such a file only.
 */
import type { World } from '../../../../bus/world.ts';
import { createOutbound } from '../../../runtime/outbound/outbound.ts';
import { refusedToken, sharedAudiences, UNKNOWN, type TokenAuthenticator, type TokenFound } from '../tokens.ts';
import type { AuthenticationConfiguration, JwtConfiguration } from './configuration.ts';
import { assertAlgorithm, assertGood, readIdToken, saidIssuer } from './id-token.ts';
import { isSignedBy, parseJws } from '../jws.ts';
import { decodeBase64Url } from '../../../../schemas/codec/base64-url.ts';
import type { JwtMetrics } from './metrics.ts';
import { openIssuer, type Ground, type RemoteIssuer } from './remote.ts';
import { userOf } from './user.ts';

export { assertSameAnonymous, readAuthenticationConfiguration, type AuthenticationConfiguration } from './configuration.ts'; // prettier-ignore
export { createJwtMetrics } from './metrics.ts';

export interface JwtAuthenticator {
  readonly authenticate: TokenAuthenticator;
  /** Goes by another configuration once all of its issuers have answered. Rejects: one has not, within a minute; the former stays. */
  change(to: AuthenticationConfiguration): Promise<void>;
  stop(): void;
}
interface Issuer {
  readonly configuration: JwtConfiguration;
  readonly remote: RemoteIssuer;
}
/** Of what an issuer says: its keys take a few hundred bytes each. */
const MAX_BYTES = 1024 * 1024;
/** Source: kubernetes pkg/kubeapiserver/options UpdateAuthenticationConfigTimeout; wait.PollUntilContextCancel. */
const CHANGE_MS = 60_000;
const LOOK_MS = 1_000;
/** Requests on their way may still need the former's keys. */
const LINGER_MS = 60_000;

export function createJwtAuthenticator({
  world,
  configuration,
  audiences: implicit,
  metrics,
}: {
  readonly world: Pick<World, 'clock' | 'log'>;
  readonly configuration: AuthenticationConfiguration;
  /** Of the API server: tokens say nothing of them and are good for these. */
  readonly audiences: readonly string[];
  readonly metrics: JwtMetrics;
}): JwtAuthenticator {
  const outbound = createOutbound(world, { maxBytes: MAX_BYTES });
  const ground: Ground = { world, outbound, onKeys: metrics.fetched };
  const open = ({ jwt }: AuthenticationConfiguration): Issuer[] =>
    jwt.map((one) => ({ configuration: one, remote: openIssuer(ground, one) }));
  const close = (issuers: readonly Issuer[]): void => {
    for (const { remote } of issuers) remote.stop();
  };
  let current = open(configuration);
  let changing: readonly Issuer[] = [];
  const leaving = new Map<readonly Issuer[], ReturnType<World['clock']['setTimeout']>>();
  let stopped = false;

  const healthy = async (issuers: readonly Issuer[]): Promise<void> => {
    for (const until = world.clock.now() + CHANGE_MS; ;) {
      const problems = issuers.map(({ remote }) => remote.problem()).filter((problem) => problem !== undefined);
      if (problems.length === 0) return;
      if (stopped || world.clock.now() >= until) throw new Error(problems.join(', '));
      await new Promise<void>((resolve) => void world.clock.setTimeout(() => resolve(), LOOK_MS));
    }
  };
  return {
    async authenticate(token, wanted): Promise<TokenFound> {
      const audiences = sharedAudiences(implicit, wanted);
      const parts = token.split('.');
      if (audiences.length === 0 || parts.length !== 3) return UNKNOWN;
      const payload = decodeBase64Url(parts[1]!);
      const said = typeof payload === 'number' ? undefined : saidIssuer(payload);
      if (said === undefined || said === '') return UNKNOWN;
      const issuer = current.find(({ configuration: { issuer: { url } } }) => url === said); // prettier-ignore
      if (issuer === undefined) return UNKNOWN;
      const began = world.clock.now();
      const tell = (result: 'success' | 'failure'): void =>
        metrics.authenticated(said, result, (world.clock.now() - began) / 1000);
      try {
        const user = await verified(issuer, token, () => world.clock.now());
        tell('success');
        return { user, audiences };
      } catch (error) {
        tell('failure');
        return refusedToken((error as Error).message);
      }
    },
    async change(to) {
      const next = open(to);
      changing = next;
      try {
        await healthy(next);
      } catch (error) {
        close(next);
        throw error;
      }
      const former = current;
      current = next;
      const timer = world.clock.setTimeout(() => {
        close(former);
        leaving.delete(former);
      }, LINGER_MS);
      leaving.set(former, timer);
    },
    stop() {
      stopped = true;
      for (const timer of leaving.values()) world.clock.clearTimeout(timer);
      for (const issuers of [current, changing, ...leaving.keys()]) close(issuers);
      outbound.close();
    },
  };
}
async function verified({ configuration, remote }: Issuer, token: string, now: () => number) {
  if (remote.problem() !== undefined) throw new Error('oidc: authenticator not initialized');
  const { claims } = await signed(configuration, remote, token, now).catch((error: unknown) => {
    throw new Error(`oidc: verify token: ${(error as Error).message}`, { cause: error });
  });
  return userOf(configuration, claims);
}
async function signed({ issuer }: JwtConfiguration, remote: RemoteIssuer, token: string, now: () => number) {
  const jws = malformed(() => parseJws(token));
  assertAlgorithm(jws);
  let good: boolean;
  try {
    good = await remote.isSigned(jws.keyId, (key) => isSignedBy(jws, key));
  } catch (error) {
    throw new Error(`failed to verify signature: ${(error as Error).message}`, { cause: error });
  }
  if (!good) throw new Error('failed to verify signature: failed to verify id token signature');
  const read = readIdToken(jws);
  assertGood(read, issuer, now());
  return read;
}
function malformed<T>(act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw new Error(`oidc: malformed jwt: ${(error as Error).message}`, { cause: error });
  }
}
