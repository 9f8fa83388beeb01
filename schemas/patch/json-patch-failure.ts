/**
 * Why a JSON Patch cannot be applied, in the words of the library that Kubernetes uses. Patches of clients share one text;
 * those of webhooks and policies are told exactly. Source: gopkg.in/evanphx/json-patch.v4 patch.go.
 */
import { applyJsonPatch } from './json-patch.ts';
import { isMap, own, type JsonMap } from './values.ts';

const MISSING = 'missing value';
const TEST_FAILED = 'test failed';
const INDEX = 'invalid index referenced';

/** undefined: it can be applied. */
export function jsonPatchFailure(document: unknown, ops: readonly unknown[]): string | undefined {
  let at = document;
  for (const op of ops) {
    try {
      at = applyJsonPatch(at, [op]);
    } catch {
      return failureOf(at, isMap(op) ? op : {});
    }
  }
  return undefined;
}
function failureOf(document: unknown, op: JsonMap): string {
  const kind = text(op, 'op') ?? 'unknown';
  const path = text(op, 'path');
  const from = text(op, 'from');
  if (!['add', 'remove', 'replace', 'move', 'copy', 'test'].includes(kind)) return `Unexpected kind: ${kind}`;
  if ((kind === 'move' || kind === 'copy') && from === undefined)
    return `${kind} operation failed to decode from: operation, missing from field: ${MISSING}`;
  if (path === undefined)
    return `${kind} operation failed to decode path: ${['add', 'remove', 'copy'].includes(kind) ? MISSING : `operation missing path field: ${MISSING}`}`;
  switch (kind) {
    case 'add':
      return into(document, path, `add operation does not apply: doc is missing path: "${path}": ${MISSING}`, `error in add for path: '${path}': `);
    case 'remove': {
      const found = find(document, path);
      if (found === undefined) return `remove operation does not apply: doc is missing path: "${path}": ${MISSING}`;
      return `error in remove for path: '${path}': ${absent(found)}`;
    }
    case 'replace': {
      if (path === '') return 'replace operation value must be object or array: %!w(<nil>)';
      const found = find(document, path);
      if (found === undefined) return `replace operation does not apply: doc is missing path: ${path}: ${MISSING}`;
      return `replace operation does not apply: doc is missing key: ${path}: ${MISSING}`;
    }
    case 'test': {
      const found = path === '' ? undefined : find(document, path);
      if (path !== '' && found === undefined) return `test operation does not apply: is missing path: ${path}: ${MISSING}`;
      if (found !== undefined && Array.isArray(found.container) && !isIndex(found)) return `error in test for path: '${path}': ${absent(found)}`;
      return `testing value ${path} failed: ${TEST_FAILED}`;
    }
    default: {
      const found = find(document, from!);
      if (found === undefined) return `${kind} operation does not apply: doc is missing from path: ${from}: ${MISSING}`;
      const there = Array.isArray(found.container) ? isIndex(found) : Object.hasOwn(found.container, found.key);
      if (kind === 'move' && !there) return `error in move for path: '${found.key}': ${absent(found)}`;
      if (kind === 'copy' && Array.isArray(found.container) && !there) return `error in copy for from: '${from}': ${absent(found)}`;
      return into(document, path, `${kind} operation does not apply: doc is missing destination path: ${path}: ${MISSING}`,
        kind === 'move' ? `error in move for path: '${path}': ` : 'error while adding value during copy: ');
    }
  }
} // prettier-ignore
const text = (op: JsonMap, key: string): string | undefined => {
  const value = own(op, key);
  return typeof value === 'string' ? value : undefined;
};
interface Found {
  readonly container: JsonMap | readonly unknown[];
  readonly key: string;
}
function find(document: unknown, path: string): Found | undefined {
  const tokens = path.split('/').map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));
  if (tokens.length < 2) return undefined;
  let at = document;
  for (const token of tokens.slice(1, -1)) {
    if (Array.isArray(at)) at = at[Number(token) < 0 ? Number(token) + at.length : Number(token)];
    else if (isMap(at)) at = own(at, token);
    else return undefined;
  }
  if (!Array.isArray(at) && !isMap(at)) return undefined;
  return { container: at, key: tokens.at(-1)! };
}
const NUMBER = /^[+-]?\d+$/;
const isIndex = ({ container, key }: Found): boolean => {
  const { length } = container as readonly unknown[];
  return NUMBER.test(key) && Number(key) < length && Number(key) >= -length;
};
const notANumber = (key: string): string => `strconv.Atoi: parsing ${JSON.stringify(key)}: invalid syntax`;
function absent({ container, key }: Found): string {
  if (!Array.isArray(container)) return `Unable to remove nonexistent key: ${key}: ${MISSING}`;
  return NUMBER.test(key) ? `Unable to access invalid index: ${Number(key)}: ${INDEX}` : notANumber(key);
}
function into(document: unknown, path: string, missing: string, wrong: string): string {
  const found = find(document, path);
  if (found === undefined) return missing;
  const { key } = found;
  return wrong + (NUMBER.test(key) ? `Unable to access invalid index: ${Number(key)}: ${INDEX}` : `value was not a proper array index: '${key}': ${notANumber(key)}`);
} // prettier-ignore
