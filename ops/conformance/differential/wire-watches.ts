import type { Both } from './wire.ts';
export async function watches(_both: Both): Promise<void> {}
export async function sockets(_both: Both): Promise<void> {}
