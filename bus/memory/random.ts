/** A seeded source of numbers uniform in [0, 1): sfc32, its state drawn from the seed by hashing (FNV-1a, then mixing). */
export function seededRandom(seed: string | number): () => number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(String(seed))) hash = Math.imul(hash ^ byte, 0x01000193);
  const mix = (): number => {
    hash = (hash + 0x9e3779b9) | 0;
    let x = Math.imul(hash ^ (hash >>> 16), 0x21f0aaad);
    x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
    return (x ^ (x >>> 15)) >>> 0;
  };
  let [a, b, c, counter] = [mix(), mix(), mix(), 1];
  const next = (): number => {
    const sum = (((a + b) | 0) + counter++) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    return (sum >>> 0) / 2 ** 32;
  };
  for (let i = 0; i < 12; i++) next();
  return next;
}
