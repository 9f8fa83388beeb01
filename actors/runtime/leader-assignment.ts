/**
 * Who is to lead which group: by rendezvous hashing, so that everyone who sees the same candidates comes to the same
 * answer without asking, and no candidate is meant for more than its share.
 */
export function assign(groups: readonly string[], candidates: readonly string[]): ReadonlyMap<string, string> {
  const share = Math.ceil(groups.length / Math.max(1, candidates.length));
  const load = new Map(candidates.map((id) => [id, 0]));
  const assigned = new Map<string, string>();
  for (const group of groups.toSorted()) {
    const weights = candidates.map((id) => ({ id, weight: hash(`${group}/${id}`) }));
    const byWeight = weights.toSorted((a, b) => b.weight - a.weight || (a.id < b.id ? -1 : 1));
    const left = groups.length - assigned.size;
    // Nobody is passed over while what is left would just do for all who have less than a whole share.
    const short = [...load.values()].reduce((sum, n) => sum + Math.max(0, share - 1 - n), 0);
    const limit = left <= short ? share - 1 : share;
    const chosen = byWeight.find(({ id }) => load.get(id)! < limit);
    if (!chosen) continue;
    assigned.set(group, chosen.id);
    load.set(chosen.id, load.get(chosen.id)! + 1);
  }
  return assigned;
}

/** FNV-1a with a final mix, 32 bits. */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x45d9f3b);
  h = Math.imul(h ^ (h >>> 16), 0x45d9f3b);
  return (h ^ (h >>> 16)) >>> 0;
}
