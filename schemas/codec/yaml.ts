import type { Document, Node, ParseOptions, DocumentOptions, SchemaOptions, Tags } from 'yaml';
import type * as yamlLibrary from './yaml-library.ts';
import { JsonSyntaxError, parseDeepJson, type ParsedJson } from './json.ts';
import { KEPT_DEPTH, MAX_DEPTH } from './json-syntax.ts';
import { firstFault, wellFormedText } from './utf8.ts';

export interface ParsedYaml extends ParsedJson {
  /** `line 3: key "kind" already set in map`, as the real decoder words it. */
  readonly duplicates: readonly string[];
}
/** As Go's YAML 1.1 library: `yes` is true, `0644` is octal, but times, base-60 numbers, `.` and `e1` stay strings. */
const withoutTimes = (tags: Tags): Tags =>
  tags
    .filter(
      (t) =>
        typeof t === 'string' ||
        (!t.tag.endsWith(':timestamp') && !(t as { format?: string }).format?.startsWith('TIME')),
    )
    .map((t) => {
      if (typeof t === 'string' || !('test' in t) || !t.tag.endsWith(':float')) return t;
      if (t.test?.test('.')) return { ...t, test: DECIMAL };
      return t.test?.test('e1') ? { ...t, test: EXPONENTIAL } : t;
    });
const DECIMAL = /^(?:[-+]?\d[\d_]*\.[\d_]*|\.\d+|[-+]\.[\d_]*\d[\d_]*)$/;
const EXPONENTIAL = /^(?:[-+]?\d[\d_]*(?:\.[\d_]*)?|[-+]?\.\d+)[eE][-+]?\d+$/;
const OPTIONS: ParseOptions & DocumentOptions & SchemaOptions = {
  version: '1.1',
  customTags: withoutTimes,
  uniqueKeys: false,
  merge: true,
};

/** The first document of a body. Throws JsonSyntaxError with a text that begins `yaml: `. */
export async function parseYaml(body: string | Uint8Array): Promise<ParsedYaml> {
  const text = typeof body === 'string' ? body : wellFormedText(body);
  if (text === undefined) throw new JsonSyntaxError(`yaml: ${firstFault(body as Uint8Array)}`);
  if (CONTROL.test(text)) throw new JsonSyntaxError('yaml: control characters are not allowed');
  const { yaml } = await import('./yaml-library.ts');
  const lines = new yaml.LineCounter();
  try {
    const documents = yaml.parseAllDocuments(text, { ...OPTIONS, lineCounter: lines });
    const first = 'empty' in documents ? undefined : documents[0];
    if (first === undefined) return { value: null, duplicates: [] };
    const error = first.errors[0];
    if (error?.message.includes('call stack')) throw TOO_DEEP;
    if (error) throw new JsonSyntaxError(problem(error.message, lines.linePos(error.pos[0]).line), { cause: error });
    const duplicates: string[] = [];
    inspect(first, yaml, (offset) => lines.linePos(offset).line, duplicates);
    return { value: first.toJS() as unknown, duplicates };
  } catch (error) {
    if (error instanceof RangeError || error === TOO_DEEP) return asJson(text);
    if (error instanceof JsonSyntaxError) throw error;
    throw new JsonSyntaxError(`yaml: ${(error as Error).message}`, { cause: error });
  }
}
const TOO_DEEP = new JsonSyntaxError(`yaml: exceeded max depth of ${MAX_DEPTH}`);
/** What a line may not hold. Source: go.yaml.in/yaml readerc.go. */
// oxlint-disable-next-line no-control-regex
const CONTROL = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]/;
/** The YAML library is recursive. Who nests so deep writes JSON, which is YAML too. */
function asJson(text: string): ParsedYaml {
  try {
    return parseDeepJson(text);
  } catch (cause) {
    throw new JsonSyntaxError(TOO_DEEP.message, { cause });
  }
}
function problem(message: string, line: number): string {
  const at = line > 1 ? `line ${line}: ` : '';
  if (/[Nn]ested mappings|Implicit map key|block as implicit key|multiline/i.test(message))
    return `yaml: ${at}mapping values are not allowed in this context`;
  if (/tab/i.test(message)) return `yaml: ${at}found character that cannot start any token`;
  return `yaml: ${at}${message.split('\n')[0]!.replace(/ at line \d+, column \d+:?$/, '')}`;
}
type Guards = Pick<(typeof yamlLibrary)['yaml'], 'isMap' | 'isScalar' | 'isSeq'>;
/** Finds keys set twice, and nesting too deep for the walkers that follow. */
function inspect(document: Document, yaml: Guards, lineOf: (offset: number) => number, out: string[]): void {
  const walk = (node: Node | null | undefined, depth: number): void => {
    if (depth > KEPT_DEPTH) throw TOO_DEEP;
    if (yaml.isSeq(node)) for (const item of node.items) walk(item as Node, depth + 1);
    if (!yaml.isMap(node)) return;
    const seen = new Set<string>();
    for (const { key, value } of node.items) {
      const name = yaml.isScalar(key) ? String(key.value) : undefined;
      if (name !== undefined && seen.has(name)) {
        const offset = (key as Node).range?.[0] ?? 0;
        out.push(`line ${lineOf(offset)}: key ${JSON.stringify(name)} already set in map`);
      }
      if (name !== undefined) seen.add(name);
      walk(value as Node | null, depth + 1);
    }
  };
  walk(document.contents, 0);
}
