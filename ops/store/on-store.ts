import type { Bus } from '../../bus/bus.ts';
import { folderOfCluster, type ClusterConfig } from '../cluster/config.ts';
import { connectTool } from '../cluster/connect.ts';

/** Which cluster's store. */
export interface StoreOptions {
  readonly name: string;
  readonly data?: string;
}
/** Reads the store of a running cluster as one who may do nothing else. */
export async function onStore<T>(
  options: StoreOptions,
  read: (bus: Bus, config: ClusterConfig) => Promise<T>,
): Promise<T> {
  const { paths, config } = folderOfCluster(options);
  const { bus } = await connectTool(paths, 'store-reader');
  try {
    return await read(bus, config);
  } finally {
    await bus.drain();
  }
}
