import { RuntimeError, type Image } from '../interface.ts';

/** Names that say of themselves that there is no such image; all others there are. */
const MISSING = /:(?:404|non-?existent)$|^invalid\.|^[^/]*\.invalid(?::\d+)?\//;
/** Throws ErrImagePull for an image that no registry has; `name` is the full one. */
export function findImage(name: string): void {
  if (!MISSING.test(name)) return;
  const why = `failed to pull and unpack image "${name}": failed to resolve reference "${name}": ${name}: not found`;
  throw new RuntimeError('ErrImagePull', `rpc error: code = NotFound desc = ${why}`);
}
/** An image that exists because someone asked for it: digest and size follow from its name. */
export function inventImage(name: string): Image {
  const digest = Array.from({ length: 8 }, (_, i) => hash(`${i}${name}`).toString(16).padStart(8, '0')).join('');
  const bare = name.includes('@') ? name : `${name.slice(0, name.lastIndexOf(':'))}@sha256:${digest}`;
  return { id: bare, name, sizeBytes: 5_000_000 + (hash(name) % 120_000_000) };
}
/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h >>> 0;
}
