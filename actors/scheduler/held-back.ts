import type { ApiClient } from '../runtime/api-client.ts';

/** The same client, which watches nothing before `until`. */
export const heldBack = (client: ApiClient, until: Promise<void>): ApiClient => ({
  ...client,
  async *watch(gvr, options) {
    const over = Promise.withResolvers<void>();
    options?.signal?.addEventListener('abort', () => over.resolve(), { once: true });
    await Promise.race([until, over.promise]);
    if (options?.signal?.aborted === true) return;
    yield* client.watch(gvr, options);
  },
});
