/** Work in steps: between two of them somebody else may have his turn. */
export type Steps<T> = Generator<undefined, T, undefined>;
/** Others' turn, if they have waited for long; undefined: they have not. */
export type GiveWay = () => Promise<void> | undefined;

/** Takes all steps where nobody can be let in between. */
export function atOnce<T>(steps: Steps<T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}
/** Takes all steps; a promise only where others had their turn meanwhile. */
export function inSteps<T>(steps: Steps<T>, giveWay: GiveWay): T | Promise<T> {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
    const pause = giveWay();
    if (pause) return goOn(steps, giveWay, pause);
  }
}
async function goOn<T>(steps: Steps<T>, giveWay: GiveWay, first: Promise<void>): Promise<T> {
  let pause: Promise<void> | undefined = first;
  for (;;) {
    if (pause) await pause;
    const { done, value } = steps.next();
    if (done) return value;
    pause = giveWay();
  }
}
