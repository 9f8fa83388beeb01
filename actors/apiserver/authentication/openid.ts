import { ApiError } from '../../../schemas/meta/status.ts';
import type { PathHandler } from '../request.ts';
import { jwkOf } from './keys.ts';
import type { ServiceAccountTokens } from './service-account-tokens.ts';

const MINUTES = 'public, max-age=3600';

/**
 * What others need to check this cluster's service account tokens. `server` is `host:port` as clients reach it.
 * Source: kubernetes pkg/routes/openidmetadata.go.
 */
export function createOpenIdHandler(tokens: ServiceAccountTokens, server: () => string): PathHandler {
  const keys = JSON.stringify({ keys: tokens.keys.map(jwkOf) });
  const algorithms = [...new Set(tokens.keys.map((key) => key.algorithm))].sort();
  return ({ path, method, headers }) => {
    if (path !== '/openid/v1/jwks' && path.replace(/\/$/, '') !== '/.well-known/openid-configuration') return undefined;
    if (method !== 'GET' && method !== 'HEAD')
      throw new ApiError('MethodNotAllowed', 'the server does not allow this method on the requested resource', {
        details: {},
      });
    if (path === '/openid/v1/jwks') {
      if (!accepts(String(headers['accept'] ?? '*/*'), 'application/jwk-set+json'))
        throw new ApiError(
          'NotAcceptable',
          '406: Not Acceptable\n\nAvailable representations: application/jwk-set+json',
          { details: {} },
        );
      const type = { 'Content-Type': 'application/jwk-set+json', 'Cache-Control': MINUTES };
      return { code: 200, headers: type, body: keys };
    }
    const body = JSON.stringify({
      issuer: tokens.issuer,
      jwks_uri: `https://${server()}/openid/v1/jwks`,
      response_types_supported: ['id_token'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: algorithms,
    });
    return { code: 200, headers: { 'Content-Type': 'application/json', 'Cache-Control': MINUTES }, body };
  };
}
const accepts = (header: string, type: string): boolean =>
  header.split(',').some((part) => {
    const wanted = part.split(';')[0]!.trim();
    return wanted === '' || wanted === '*/*' || wanted === 'application/*' || wanted === type;
  });
