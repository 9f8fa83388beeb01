import { findNatsServer } from '../fetch/nats-server.ts';

/** For tests: the nats-server that `kubus up` would use, fetched if need be. */
export const natsServerBinary = (): Promise<string> => findNatsServer();
