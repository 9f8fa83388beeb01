import { ApiError } from '../meta/status.ts';
import { isMap, jsonTypeName, own, put, sameJson, type JsonMap } from './values.ts';

/** Source: apiserver pkg/endpoints/handlers/patch.go maxJSONPatchOperations; server/config.go JSONPatchMaxCopyBytes. */
const MAX_OPERATIONS = 10_000;
const MAX_COPIED_BYTES = 3 * 1024 * 1024;
const FIELDS = { op: 'string', path: 'string', from: 'string', value: '' } as const;

/** Throws BadRequest unless it is a list of objects; unless `lenient`, also where fields are not texts. */
export function checkOperationTypes(ops: unknown, lenient: boolean): void {
  if (ops === null) return;
  const refuse = (what: string): never => {
    throw new ApiError('BadRequest', `${lenient ? '' : 'error decoding patch: '}json: cannot unmarshal ${what}`);
  };
  const types = lenient ? ['jsonpatch.Patch', 'jsonpatch.Operation'] : ['[]handlers.jsonPatchOp', 'handlers.jsonPatchOp']; // prettier-ignore
  if (!Array.isArray(ops)) return refuse(`${jsonTypeName(ops)} into Go value of type ${types[0]}`);
  for (const op of ops as unknown[]) {
    if (op === null) continue;
    if (!isMap(op)) return refuse(`${jsonTypeName(op)} into Go value of type ${types[1]}`);
    if (lenient) continue;
    for (const key of Object.keys(op)) {
      const type = Object.hasOwn(FIELDS, key) ? FIELDS[key as keyof typeof FIELDS] : '';
      const value = op[key];
      if (type !== '' && value !== null && typeof value !== type)
        refuse(`${jsonTypeName(value)} into Go struct field jsonPatchOp.${key} of type string`);
    }
  }
}

/**
 * Applies an RFC 6902 patch to a copy of `document`, as kube-apiserver does: `replace` of a missing key adds it, `test`
 * of null passes for a missing key, indices count from the end if negative. Maps that the patch went through have their
 * keys sorted. `ops` has been checked by checkOperationTypes(). Throws RequestEntityTooLarge (over 10000 operations),
 * Invalid (an operation failed).
 */
export function applyJsonPatch(document: unknown, ops: unknown): unknown {
  const list = (ops ?? []) as readonly (JsonMap | null)[];
  if (list.length > MAX_OPERATIONS)
    throw new ApiError(
      'RequestEntityTooLarge',
      `Request entity too large: The allowed maximum operations in a JSON patch is ${MAX_OPERATIONS}, got ${list.length}`,
    );
  const run = new PatchRun(document);
  for (const op of list) run.apply(op);
  return run.result();
}

/** Unknown fields of the operations, as strict field validation reports them. */
export function jsonPatchStrictErrors(ops: unknown): string[] {
  if (!Array.isArray(ops)) return [];
  return ops.flatMap((op, i) =>
    isMap(op)
      ? Object.keys(op)
          .filter((key) => !Object.hasOwn(FIELDS, key))
          .map((key) => `json patch unknown field "[${i}].${key}"`)
      : [],
  );
}

/** All failed operations share one text. Source: errors.NewGenericServerResponse for 422. */
const failed = (): ApiError =>
  new ApiError('Invalid', 'the server rejected our request due to an error in our request', { details: {} });

type Container = JsonMap | unknown[];
const isContainer = (value: unknown): value is Container => typeof value === 'object' && value !== null;
const unescape = (token: string): string => token.replaceAll('~1', '/').replaceAll('~0', '~');

class PatchRun {
  root: unknown;
  /** Containers made here, which may be written to; all others belong to the inputs. */
  private readonly mine = new WeakSet<object>();
  /** Parts that a test has compared, down to their leaves. */
  private readonly looked = new WeakSet<object>();
  private copiedBytes = 0;
  constructor(document: unknown) {
    this.root = isContainer(document) ? this.copy(document) : document;
  }

  apply(op: JsonMap | null): void {
    const path = op === null ? undefined : own(op, 'path');
    if (op === null || typeof path !== 'string') throw failed();
    switch (own(op, 'op')) {
      case 'add': return this.add(path, own(op, 'value') ?? null);
      case 'remove': return void this.take(path);
      case 'replace': return this.replace(path, own(op, 'value') ?? null);
      case 'move': return this.add(path, this.take(from(op)));
      case 'copy': return this.add(path, this.duplicate(this.get(from(op))));
      case 'test': return this.test(path, own(op, 'value'));
      default: throw failed();
    } // prettier-ignore
  }

  private add(path: string, value: unknown): void {
    const [container, key] = this.find(path);
    if (!Array.isArray(container)) put(container, key, value);
    else if (key === '-') container.push(value);
    else container.splice(index(key, container.length + 1), 0, value);
  }
  private take(path: string): unknown {
    const [container, key] = this.find(path);
    if (Array.isArray(container)) return container.splice(index(key, container.length), 1)[0];
    if (!Object.hasOwn(container, key)) throw failed();
    const value = container[key];
    delete container[key];
    return value;
  }
  private replace(path: string, value: unknown): void {
    if (path === '') {
      if (!isContainer(value)) throw failed();
      this.root = this.copy(value);
      return;
    }
    const [container, key] = this.find(path);
    if (Array.isArray(container)) container[index(key, container.length)] = value;
    else put(container, key, value);
  }
  private get(path: string): unknown {
    const [container, key] = this.find(path);
    return (Array.isArray(container) ? container[index(key, container.length)] : own(container, key)) ?? null;
  }
  private test(path: string, expected: unknown): void {
    const actual = path === '' ? this.root : this.get(path);
    if (!sameJson(actual, expected ?? null)) throw failed();
    if (isContainer(actual)) this.looked.add(actual);
  }
  /** The document; what was looked at comes out sorted by key. */
  result(): unknown {
    return this.settled(this.root, false);
  }
  private settled(value: unknown, looked: boolean): unknown {
    if (!isContainer(value)) return value;
    const whole = looked || this.looked.has(value);
    // Behind what is not ours nobody went.
    if (!whole && !this.mine.has(value)) return value;
    if (Array.isArray(value)) return value.map((item) => this.settled(item, whole));
    const out: JsonMap = {};
    for (const key of Object.keys(value).sort()) put(out, key, this.settled(value[key], whole));
    return out;
  }
  /** A value in two places must not be shared: a later operation may write into one of them. */
  private duplicate(value: unknown): unknown {
    const text = JSON.stringify(value);
    this.copiedBytes += text.length;
    if (this.copiedBytes > MAX_COPIED_BYTES) throw failed();
    return JSON.parse(text);
  }

  /** The container that holds the last token of `path`, made writable on the way, and that token. */
  private find(path: string): [Container, string] {
    const tokens = path.split('/');
    let at = this.root;
    if (tokens.length < 2 || !isContainer(at)) throw failed();
    for (let i = 1; i < tokens.length - 1; i++) {
      const parent: Container = at as Container;
      const token = unescape(tokens[i]!);
      const key = Array.isArray(parent) ? String(index(token, parent.length)) : token;
      let next: unknown = own(parent as JsonMap, key);
      if (!isContainer(next)) throw failed();
      if (!this.mine.has(next)) put(parent as JsonMap, key, (next = this.copy(next)));
      at = next;
    }
    return [at as Container, unescape(tokens.at(-1)!)];
  }
  private copy(value: Container): Container {
    let copied: Container;
    if (Array.isArray(value)) copied = [...value];
    else {
      copied = {};
      for (const key of Object.keys(value)) put(copied, key, value[key]);
    }
    this.mine.add(copied);
    return copied;
  }
}

function from(op: JsonMap): string {
  const path = own(op, 'from');
  if (typeof path !== 'string') throw failed();
  return path;
}
function index(token: string, length: number): number {
  if (!/^[+-]?\d+$/.test(token)) throw failed();
  const i = Number(token) < 0 ? Number(token) + length : Number(token);
  if (i < 0 || i >= length) throw failed();
  return i;
}
