import type { Weather } from '../../../bus/memory/bus.ts';

/** What befalls messages between connections while it lasts. */
export interface Front {
  /** Names of connections on one side; those on the other are all the others. */
  readonly of: ReadonlySet<string>;
  /** Share of the messages that is lost. */
  readonly loss: number;
  /** The longest that one is late, microseconds. */
  readonly lateMicros: number;
}
export interface ChangingWeather extends Weather {
  /** Call what it returns to end it. */
  begin(front: Front): () => void;
}

/** Good until a front comes. */
export function createWeather(random: () => number): ChangingWeather {
  const fronts = new Set<Front>();
  const between = (front: Front, from: string, to: string): boolean => front.of.has(from) !== front.of.has(to);
  return {
    loses: (from, to) => {
      for (const front of fronts) if (front.loss > 0 && between(front, from, to) && random() < front.loss) return true;
      return false;
    },
    delayMicros: (from, to) => {
      let late = 0;
      for (const front of fronts)
        if (front.lateMicros > 0 && between(front, from, to)) late += random() * front.lateMicros;
      return Math.floor(late);
    },
    begin: (front) => {
      fronts.add(front);
      return () => void fronts.delete(front);
    },
  };
}
