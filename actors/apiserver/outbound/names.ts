import { lookup } from 'node:dns/promises';
import { badRequest } from '../errors.ts';
import { isGlobalUnicast } from './addresses.ts';
import { explain } from '../../runtime/outbound/go-errors.ts';

/** Throws BadRequest if the name is unknown or leads to this host, its link, to many or nobody. Source: isProxyableHostname. */
export async function assertReachableName(host: string): Promise<void> {
  let found: readonly { readonly address: string }[];
  try {
    found = await lookup(host, { all: true });
  } catch (error) {
    throw badRequest(explain(error as Error, { host, port: 0 }).replace('dial tcp: ', ''));
  }
  if (found.length === 0) throw badRequest('no addresses for hostname');
  if (!found.every(({ address }) => isGlobalUnicast(address))) throw badRequest('address not allowed');
}
