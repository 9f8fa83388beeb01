import type { Both } from './wire.ts';
export async function paths(_both: Both): Promise<void> {}
