import type { ParseOptions, DocumentOptions, SchemaOptions, Tags } from 'yaml';
import { JsonSyntaxError, parseDeepJson, type ParsedJson } from './json.ts';
import { MAX_DEPTH } from './json-syntax.ts';
import { firstFault, wellFormedText } from './utf8.ts';
import { directiveProblem, valueProblem, yamlProblem } from './yaml-problems.ts';
import { inspectYaml, TOO_DEEP_YAML } from './yaml-values.ts';

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
  const given = typeof body === 'string' ? body : textOf(body);
  if (given === undefined) throw new JsonSyntaxError(`yaml: ${firstFault(body as Uint8Array)}`);
  const text = BREAKS.test(given) ? given.replaceAll(/\r\n?|\u0085|\u2028|\u2029/g, '\n') : given;
  const unfit = directiveProblem(text);
  if (unfit !== undefined) throw new JsonSyntaxError(unfit);
  if (CONTROL.test(text)) throw new JsonSyntaxError('yaml: control characters are not allowed');
  const { yaml } = await import('./yaml-library.ts');
  const lines = new yaml.LineCounter();
  try {
    const documents = yaml.parseAllDocuments(text, { ...OPTIONS, lineCounter: lines });
    const first = 'empty' in documents ? undefined : documents[0];
    if (first === undefined) return { value: null, duplicates: [] };
    const error = first.errors[0];
    if (error?.message.includes('call stack')) throw TOO_DEEP;
    if (error) throw new JsonSyntaxError(yamlProblem(error, text), { cause: error });
    const duplicates = inspectYaml(first, yaml, { whole: text, lineOf: (at) => lines.linePos(at).line });
    return { value: first.toJS() as unknown, duplicates };
  } catch (error) {
    if (error instanceof RangeError || error === TOO_DEEP || error === TOO_DEEP_YAML) return asJson(text);
    if (error instanceof JsonSyntaxError) throw error;
    throw new JsonSyntaxError(valueProblem((error as Error).message), { cause: error });
  }
}
/** What ends a line beside a line feed. Source: go.yaml.in/yaml yamlprivateh.go is_break. */
const BREAKS = /[\r\u0085\u2028\u2029]/;
/** By its byte order mark, if it has one; else UTF-8. undefined: it is none. Source: readerc.go. */
function textOf(bytes: Uint8Array): string | undefined {
  const [a, b] = bytes;
  if (a === 0xff && b === 0xfe) return new TextDecoder('utf-16le').decode(bytes);
  if (a === 0xfe && b === 0xff) return new TextDecoder('utf-16be').decode(bytes);
  return wellFormedText(bytes);
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
