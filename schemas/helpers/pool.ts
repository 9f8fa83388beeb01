/** Values that are made when they are asked for, and let go when nobody has asked for a while. */
export interface Pool {
  /** Gives the value, made anew where it was let go. */
  keep<T extends object>(make: () => T): () => T;
  /** Lets go what nobody has asked for since the last call. */
  sweep(): void;
}
interface Held {
  isUsed: boolean;
  letGo(): void;
}

export function createPool(): Pool {
  /** Only what there is at present. */
  const held = new Set<Held>();
  return {
    keep<T extends object>(make: () => T): () => T {
      let value: T | undefined;
      const one: Held = {
        isUsed: false,
        letGo() {
          value = undefined;
        },
      };
      return () => {
        if (value === undefined) {
          value = make();
          held.add(one);
        }
        one.isUsed = true;
        return value;
      };
    },
    sweep() {
      for (const one of held) {
        if (!one.isUsed) {
          one.letGo();
          held.delete(one);
        }
        one.isUsed = false;
      }
    },
  };
}
