/** What was subscribed to, by the tokens of its pattern: who hears a subject is found by that subject's tokens, however many there are. */
export class SubjectTree<T> {
  readonly #root: Node<T> = {};

  add(pattern: string, item: T): void {
    let node = this.#root;
    for (const token of pattern.split('.')) {
      if (token === '>') {
        (node.rest ??= new Set()).add(item);
        return;
      }
      if (token === '*') node = node.any ??= {};
      else {
        const next: Node<T> | undefined = (node.next ??= new Map<string, Node<T>>()).get(token);
        if (next) node = next;
        else {
          const made: Node<T> = {};
          node.next.set(token, made);
          node = made;
        }
      }
    }
    (node.here ??= new Set()).add(item);
  }

  remove(pattern: string, item: T): void {
    remove(this.#root, pattern.split('.'), 0, item);
  }

  /** Those whose pattern `subject` falls under, as NATS decides it: those who named the most of it first, then in the order of adding. */
  match(subject: string): T[] {
    const found: T[] = [];
    collect(this.#root, subject.split('.'), 0, found);
    return found;
  }
}

interface Node<T> {
  next?: Map<string, Node<T>>;
  /** Behind `*`. */
  any?: Node<T>;
  /** Ends in `>` here. */
  rest?: Set<T>;
  here?: Set<T>;
}

function collect<T>(node: Node<T>, tokens: readonly string[], at: number, found: T[]): void {
  if (at === tokens.length) {
    if (node.here) found.push(...node.here);
    return;
  }
  const next = node.next?.get(tokens[at]!);
  if (next) collect(next, tokens, at + 1, found);
  if (node.any) collect(node.any, tokens, at + 1, found);
  if (node.rest) found.push(...node.rest);
}

/** True: nothing is left of `node`. */
function remove<T>(node: Node<T>, tokens: readonly string[], at: number, item: T): boolean {
  const token = tokens[at];
  if (token === undefined) node.here?.delete(item);
  else if (token === '>') node.rest?.delete(item);
  else if (token === '*') {
    if (node.any && remove(node.any, tokens, at + 1, item)) delete node.any;
  } else {
    const next = node.next?.get(token);
    if (next && remove(next, tokens, at + 1, item)) node.next!.delete(token);
  }
  return !node.here?.size && !node.rest?.size && !node.any && !node.next?.size;
}
