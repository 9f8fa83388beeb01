import { createHash } from 'node:crypto';
import { request } from 'node:https';
import type { PeerCertificate } from 'node:tls';
import { ApiError, type Status } from '../../schemas/meta/status.ts';

/** Who has logged in, and whether they may do more than look. */
export interface Identity {
  readonly user: string;
  readonly canControl: boolean;
}
/** Decides who may look at the cluster's insides: whoever the cluster lets `get` the path `/inspect`; control: `update`. */
export interface Authority {
  /** Rejects with ApiError: Unauthorized, Forbidden, ServiceUnavailable. */
  ofToken(token: string): Promise<Identity>;
}
const PATH = '/inspect';
const TIMEOUT_MS = 5_000;
const REMEMBER_MS = 30_000;

/**
 * Asks the API server, with the token itself, whose it is and what its bearer may do: the console needs no rights of its
 * own for it, and can grant none.
 */
export function createAuthority(o: {
  /** `https://127.0.0.1:6443` */
  readonly server: string;
  /** PEM. */
  readonly ca: string;
  readonly now: () => number;
}): Authority {
  const known = new Map<string, { readonly until: number; readonly identity: Promise<Identity> }>();
  const ask = (token: string, path: string, body: unknown): Promise<unknown> =>
    post(new URL(path, o.server), o.ca, token, body);
  const may = async (token: string, verb: string): Promise<boolean> => {
    const spec = { nonResourceAttributes: { path: PATH, verb } };
    const review = (await ask(token, '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec,
    })) as { status?: { allowed?: boolean } };
    return review.status?.allowed === true;
  };
  const identify = async (token: string): Promise<Identity> => {
    const review = (await ask(token, '/apis/authentication.k8s.io/v1/selfsubjectreviews', {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'SelfSubjectReview',
    })) as { status?: { userInfo?: { username?: string } } };
    const user = review.status?.userInfo?.username ?? '';
    const [canLook, canControl] = await Promise.all([may(token, 'get'), may(token, 'update')]);
    if (!canLook)
      throw new ApiError(
        'Forbidden',
        `${user} may not look at the inspector: it takes a role with verb "get" (and "update" to control) on nonResourceURLs "${PATH}"`,
      );
    return { user, canControl };
  };
  return {
    async ofToken(token) {
      // Only what such a token can consist of: nothing else belongs in a header.
      if (!/^[A-Za-z0-9._~+/=-]{1,8192}$/.test(token)) throw unauthorized();
      const key = createHash('sha256').update(token).digest('base64');
      const now = o.now();
      for (const [other, { until }] of known) if (until <= now) known.delete(other);
      let entry = known.get(key);
      if (entry === undefined) {
        entry = { until: now + REMEMBER_MS, identity: identify(token) };
        known.set(key, entry);
        // A refusal is asked about again each time.
        entry.identity.catch(() => known.delete(key));
      }
      return entry.identity;
    },
  };
}
export const unauthorized = (): ApiError =>
  new ApiError('Unauthorized', 'log in first: with the address that kubus inspect prints, or a bearer token');

/**
 * Whoever holds a certificate of the cluster's own administrators may do anything anyway. Others have no way to ask the API
 * server by their certificate from here: they bring a token. Thrown: ApiError Forbidden.
 */
export function identityOfCertificate(certificate: PeerCertificate): Identity {
  const { CN, O } = certificate.subject as { CN?: string | string[]; O?: string | string[] };
  const user = [CN].flat()[0] ?? '';
  if ([O].flat().includes('system:masters')) return { user, canControl: true };
  throw new ApiError(
    'Forbidden',
    `${user} is not of system:masters: log in with a bearer token instead, for example of: kubectl create token`,
  );
}

function post(url: URL, ca: string, token: string, body: unknown): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const unavailable = (why: string): void =>
      reject(new ApiError('ServiceUnavailable', `the API server does not say who you are: ${why}`));
    const asked = request(
      url,
      {
        method: 'POST',
        ca,
        timeout: TIMEOUT_MS,
        headers: {
          authorization: `Bearer ${token}`,
          'content-type': 'application/json',
          accept: 'application/json',
          'user-agent': 'kubus-console',
        },
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (part: string) => (text += part));
        response.on('error', (error) => unavailable(error.message));
        response.on('end', () => {
          const { statusCode = 0 } = response;
          if (statusCode === 401) return reject(unauthorized());
          try {
            const answer = JSON.parse(text) as Status;
            if (statusCode >= 300) reject(ApiError.from(answer));
            else resolve(answer);
          } catch {
            unavailable(`it answered with ${statusCode}`);
          }
        });
      },
    );
    asked.on('timeout', () => asked.destroy(new Error('no answer in time')));
    asked.on('error', (error) => unavailable(error.message));
    asked.end(JSON.stringify(body));
  });
}
