import type { Bus, Message } from '../bus.ts';

/** The messages on `subject` from now on, as they come. */
export function subscribeMany(bus: Bus, subject: string): readonly Message[] {
  const seen: Message[] = [];
  bus.subscribe(subject, (message) => seen.push(message));
  return seen;
}
