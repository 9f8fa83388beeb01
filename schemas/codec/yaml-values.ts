import type { Document, Node, Pair, Scalar } from 'yaml';
import { goQuote } from '../meta/go-quote.ts';
import { JsonSyntaxError } from './json.ts';
import { KEPT_DEPTH } from './json-syntax.ts';
import type * as yamlLibrary from './yaml-library.ts';

type Guards = Pick<(typeof yamlLibrary)['yaml'], 'isMap' | 'isScalar' | 'isSeq' | 'isAlias'>;
interface Text {
  readonly whole: string;
  lineOf(offset: number): number;
}
/** Thrown by inspectYaml for what is nested deeper than may be kept. */
export const TOO_DEEP_YAML = new JsonSyntaxError('yaml: too deep');

/**
 * Finds what Go's library refuses though it is well-formed: keys and tags that no Go value can have, anchors within
 * themselves, numbers that JSON has not; and keys set twice, in its words. Throws JsonSyntaxError. Source: go.yaml.in/yaml
 * decode.go; sigs.k8s.io/yaml convertToJSONableObject.
 */
export function inspectYaml(document: Document, yaml: Guards, text: Text): string[] {
  const duplicates: string[] = [];
  /** Told only if nothing else is wrong: that comes later, when JSON is made. */
  let later: string | undefined;
  const within: Node[] = [];
  const anchors = new Map<string, Node>();
  const walk = (node: Node | null | undefined): void => {
    if (within.length > KEPT_DEPTH) throw TOO_DEEP_YAML;
    if (!node) return;
    if (yaml.isAlias(node)) {
      const source = anchors.get(node.source);
      if (source !== undefined && within.includes(source))
        throw new JsonSyntaxError(`yaml: anchor '${node.source}' value contains itself`);
      return;
    }
    const { anchor } = node as { anchor?: string };
    if (anchor !== undefined) anchors.set(anchor, node);
    if (yaml.isScalar(node)) {
      later ??= scalar(node, text.whole);
      return;
    }
    within.push(node);
    if (yaml.isSeq(node)) for (const item of node.items) walk(item as Node);
    else if (yaml.isMap(node)) {
      const seen = new Set<string>();
      for (const pair of node.items as Pair<Node, Node | null>[]) {
        later ??= keyOf(pair, yaml, text, seen, duplicates);
        walk(pair.value);
      }
    }
    within.pop();
  };
  walk(document.contents);
  if (later !== undefined) throw new JsonSyntaxError(later);
  return duplicates;
}
/** Why the key cannot be one, once JSON is made of it. */
function keyOf({ key, value }: Pair<Node, Node | null>, yaml: Guards, text: Text, seen: Set<string>, duplicates: string[]): string | undefined {
  if (yaml.isMap(key) || yaml.isSeq(key)) throw new JsonSyntaxError(`yaml: invalid map key: ${goValue(key, yaml)}`);
  if (!yaml.isScalar(key)) return undefined;
  const problem = scalar(key, text.whole, true);
  const { range } = key;
  if (key.value === null && (range === undefined || range === null || range[0] === range[1]))
    throw new JsonSyntaxError('yaml: did not find expected key');
  const name = String(key.value);
  if (seen.has(name))
    duplicates.push(`line ${text.lineOf(range?.[0] ?? 0)}: key ${JSON.stringify(name)} already set in map`);
  seen.add(name);
  if (key.value !== null) return problem;
  return `unsupported map key of type: %!s(<nil>), key: <nil>, value: ${goValue(value, yaml)}`;
} // prettier-ignore
/** As Go prints it with `%#v`. */
function goValue(node: Node | null, yaml: Guards): string {
  if (yaml.isSeq(node)) return `[]interface {}{${node.items.map((i) => goValue(i as Node, yaml)).join(', ')}}`;
  if (yaml.isMap(node))
    return `map[interface {}]interface {}{${(node.items as Pair<Node, Node | null>[]).map((p) => `${goValue(p.key, yaml)}:${goValue(p.value, yaml)}`).join(', ')}}`;
  const value = yaml.isScalar(node) ? node.value : null;
  return value === null ? 'interface {}(nil)' : typeof value === 'string' ? goQuote(value) : String(value);
} // prettier-ignore

const TAG = 'tag:yaml.org,2002:';
/** Checks a scalar against its tag; answers what JSON would say of it. */
function scalar(node: Scalar, text: string, isKey = false): string | undefined {
  const { value, range, tag } = node;
  if (node.type === 'QUOTE_DOUBLE' && range && LONE.test(text.slice(range[0], range[1])))
    throw new JsonSyntaxError('yaml: found invalid Unicode character escape code');
  if (tag?.startsWith(TAG)) {
    const kind = tag.slice(TAG.length);
    if (kind === 'binary') return binary(node, range ? text.slice(range[0], range[1]) : '');
    if (typeof value === 'string' && TYPED.has(kind))
      throw new JsonSyntaxError(`yaml: cannot decode !!str \`${value}\` as a !!${kind}`);
  }
  if (typeof value !== 'number' || Number.isFinite(value)) return undefined;
  const source = range ? text.slice(range[0], range[1]) : '';
  if (/\d/.test(source)) {
    // Go's parser of numbers refuses what is too large: it stays a string.
    node.value = source;
    return undefined;
  }
  const sign = value > 0 ? '+Inf' : value < 0 ? '-Inf' : 'NaN';
  if (!isKey) return `json: unsupported value: ${sign}`;
  node.value = value > 0 ? '.inf' : value < 0 ? '-.inf' : '.nan';
  return undefined;
}
/** Half of a character, written as an escape. */
const LONE = /(?<!\\)(?:\\\\)*\\u[dD][89a-fA-F]/;
const TYPED: ReadonlySet<string> = new Set(['int', 'float', 'bool', 'null']);
function binary(node: Scalar, source: string): undefined {
  const letters = source.replace(/^["']|["']$/g, '').replaceAll(/\s/g, '');
  if (!/^(?:[A-Za-z\d+/]{4})*(?:[A-Za-z\d+/]{2}==|[A-Za-z\d+/]{3}=)?$/.test(letters))
    throw new JsonSyntaxError('yaml: !!binary value contains invalid base64 data');
  node.value = Buffer.from(letters, 'base64').toString();
}
