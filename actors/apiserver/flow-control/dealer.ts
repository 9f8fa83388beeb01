/**
 * The queues that a flow may use: `handSize` different ones of `deckSize`, dealt by the bits of its hash. Two flows seldom
 * have the same hand, so one that overfills its queues leaves others at least one that is not full.
 * Source: apiserver pkg/util/shufflesharding.
 */
export function deal(hash: bigint, deckSize: number, handSize: number): number[] {
  const remainders: number[] = [];
  for (let i = 0, rest = hash; i < handSize; i++) {
    const left = BigInt(deckSize - i);
    remainders.push(Number(rest % left));
    rest /= left;
  }
  // Each is a place among the cards that are left; those dealt before it are counted back in, the last one first.
  return remainders.map((remainder, i) => {
    let card = remainder;
    for (let j = i; j > 0; j--) if (card >= remainders[j - 1]!) card++;
    return card;
  });
}
