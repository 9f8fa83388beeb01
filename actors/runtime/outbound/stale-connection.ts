/** The other side closed a kept connection before it had seen the request. */
export class StaleConnection extends Error {}

/**
 * Once more, on another connection, where a kept one turned out to be stale; what may have been seen is not repeated.
 * Source: net/http transport.go shouldRetryRequest.
 */
export async function withFreshConnection<T>(attempt: () => Promise<T>): Promise<T> {
  try {
    return await attempt();
  } catch (error) {
    if (error instanceof StaleConnection) return attempt();
    throw error;
  }
}
