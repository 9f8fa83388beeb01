import type { World } from '../../bus/world.ts';

/** What is followed only from the first pod on that has to do with it: a cluster where none has pays nothing. */
export interface OnDemand<T> {
  /** Undefined as long as nobody has asked, or not all is known yet. */
  readonly now: T | undefined;
  /** The same; has it followed, if it is not yet. */
  ask(): T | undefined;
}
/** `follow` resolves when all is known; then `arrived` is called. If it fails that is logged, and the next who asks tries again. */
export function onDemand<T>(o: {
  readonly world: World;
  /** For the log: `devices`. */
  readonly what: string;
  readonly follow: () => Promise<T>;
  readonly arrived: () => void;
}): OnDemand<T> {
  let now: T | undefined;
  let isComing = false;
  async function follow(): Promise<void> {
    now = await o.follow();
    o.arrived();
  }
  return {
    get now() {
      return now;
    },
    ask() {
      if (now === undefined && !isComing) {
        isComing = true;
        follow().catch((err: unknown) => {
          isComing = false;
          o.world.log.error(`${o.what} are not followed`, { err });
        });
      }
      return now;
    },
  };
}
