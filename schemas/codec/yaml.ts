import type { Document, Node, ParseOptions, DocumentOptions, SchemaOptions, Tags } from 'yaml';
import type * as yamlLibrary from './yaml-library.ts';
import { decodeUtf8, JsonSyntaxError } from './json.ts';
import { MAX_DEPTH } from './json-syntax.ts';

export interface ParsedYaml {
  readonly value: unknown;
  /** `line 3: key "kind" already set in map`, as the real decoder words it. */
  readonly duplicates: readonly string[];
}
/** As Go's YAML 1.1 library: `yes` is true, `0644` is octal, but times and base-60 numbers stay strings. */
const withoutTimes = (tags: Tags): Tags =>
  tags.filter(
    (t) =>
      typeof t === 'string' ||
      (!t.tag.endsWith(':timestamp') && !(t as { format?: string }).format?.startsWith('TIME')),
  );
const OPTIONS: ParseOptions & DocumentOptions & SchemaOptions = {
  version: '1.1',
  customTags: withoutTimes,
  uniqueKeys: false,
  merge: true,
};

/** The first document of a body. Throws JsonSyntaxError with a text that begins `yaml: `. */
export async function parseYaml(body: string | Uint8Array): Promise<ParsedYaml> {
  const text = typeof body === 'string' ? body : decodeUtf8(body);
  const { yaml } = await import('./yaml-library.ts');
  const lines = new yaml.LineCounter();
  try {
    const documents = yaml.parseAllDocuments(text, { ...OPTIONS, lineCounter: lines });
    const first = 'empty' in documents ? undefined : documents[0];
    if (first === undefined) return { value: null, duplicates: [] };
    const error = first.errors[0];
    if (error) throw new JsonSyntaxError(problem(error.message, lines.linePos(error.pos[0]).line), { cause: error });
    const duplicates: string[] = [];
    inspect(first, yaml, (offset) => lines.linePos(offset).line, duplicates);
    return { value: first.toJS() as unknown, duplicates };
  } catch (error) {
    if (error instanceof JsonSyntaxError) throw error;
    if (error instanceof RangeError) throw new JsonSyntaxError('yaml: exceeded max depth', { cause: error });
    throw new JsonSyntaxError(`yaml: ${(error as Error).message}`, { cause: error });
  }
}
function problem(message: string, line: number): string {
  if (message.includes('call stack')) return 'yaml: exceeded max depth';
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
    if (depth > MAX_DEPTH) throw new JsonSyntaxError('yaml: exceeded max depth');
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

/** Text that a reader would take for something else: Go puts it in double quotes, other text that needs it in single ones. */
const LOOKS_OTHERWISE =
  /^(?:|~|null|Null|NULL|[yYnN]|[yY]es|YES|[nN]o|NO|[tT]rue|TRUE|[fF]alse|FALSE|[oO]n|ON|[oO]ff|OFF|<<|[-+]?0x[\da-fA-F_]+|[-+]?0b[01_]+|[-+]?(?:\d[\d_]*\.?[\d_]*|\.[\d_]+)(?:[eE][-+]?\d+)?|[-+]?\d[\d_]*(?::[0-5]?\d)+(?:\.[\d_]*)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)|\d{4}-\d\d?-\d\d?(?:[Tt\s].*)?)$/;

/** As kubectl and the API server print it: keys sorted, lists not indented. */
export async function printYaml(value: unknown): Promise<string> {
  const { yaml } = await import('./yaml-library.ts');
  const document = new yaml.Document(value, { version: '1.1', sortMapEntries: true, aliasDuplicateObjects: false });
  yaml.visit(document, {
    Scalar(_key, node) {
      if (typeof node.value === 'string' && LOOKS_OTHERWISE.test(node.value)) node.type = 'QUOTE_DOUBLE';
    },
  });
  return document.toString({ indentSeq: false, lineWidth: 0, singleQuote: true });
}
