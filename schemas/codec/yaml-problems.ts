import type { YAMLParseError } from 'yaml';

/**
 * What Go's YAML library would have said where ours gave up: its words, and the line as it counts them. Source:
 * go.yaml.in/yaml scannerc.go, parserc.go, and `fail` of decode.go: the scanner counts lines from one, the parser from
 * nothing, and the first line is not named.
 */
export function yamlProblem(error: YAMLParseError, text: string): string {
  const message = error.message.split('\n')[0]!.replace(/ at line \d+, column \d+:?$/, '');
  const at = lineAt(text, error.pos[0]);
  const end = countLines(text);
  const [why, line] = explained(message, text, error.pos, at, end) ?? [message, at === 0 ? 0 : at + 1];
  return `yaml: ${line > 0 ? `line ${line}: ` : ''}${why}`;
}
const lineAt = (text: string, offset: number): number => countLines(text.slice(0, offset));
const countLines = (text: string): number => text.split('\n').length - 1;
const CONTENT = 'did not find expected node content';
const KEY = 'did not find expected key';
const VALUES = 'mapping values are not allowed in this context';
const NO_TOKEN = 'found character that cannot start any token';

/** The reason, and the line that is named; 0: none. */
function explained(message: string, text: string, [from, to]: readonly [number, number], at: number, end: number): readonly [string, number] | undefined {
  const scanned = (line: number): number => (line === 0 ? 0 : line + 1);
  if (/must be sufficiently indented and end with a|must end with a/.test(message)) {
    const last = text.trimEnd().at(-1) ?? '';
    // The stream ends on a line of its own.
    const stop = end + (text.endsWith('\n') ? 0 : 1);
    if ('[{,:'.includes(last)) return [CONTENT, stop];
    return [`did not find expected ',' or '${message.includes('}') ? '}' : ']'}'`, stop];
  }
  if (message.startsWith('Missing closing')) {
    const marker = text.slice(from).search(/\n(?:---|\.\.\.)(?:\s|$)/);
    if (marker >= 0) return ['found unexpected document indicator', scanned(lineAt(text, from + marker + 1))];
    return ['found unexpected end of stream', scanned(at === 0 ? end : at)];
  }
  if (/^Unexpected flow-(?:map|seq)-end token|flow indicator character|^Unexpected , in flow/.test(message)) return [CONTENT, at];
  if (/reserved character|directive indicator character/.test(message)) return [NO_TOKEN, scanned(at)];
  if (/cannot be an empty string/.test(message)) return ['did not find expected alphabetic or numeric character', scanned(at)];
  const alias = /^Unresolved alias .*: (.*)$/.exec(message);
  if (alias !== null) return [`unknown anchor '${alias[1]}' referenced`, 0];
  if (message.includes('alias node must not')) return [KEY, at];
  if (message.startsWith('Block scalar header'))
    return [/[|>][-+]?0/.test(message) ? 'found an indentation indicator equal to 0' : 'did not find expected comment or line break', scanned(at)];
  if (message.includes('block-seq-ind on same line')) return ['block sequence entries are not allowed in this context', scanned(at)];
  if (message.startsWith('All mapping items must start')) return [KEY, at];
  if (message.startsWith('All sequence items must start')) return ["did not find expected '-' indicator", at];
  if (message.startsWith('Implicit keys need to be on a single line')) {
    if (/^\s*-(?:\s|$)/.test(lineOf(text, at))) return [KEY, at];
    return [VALUES, scanned(lineAt(text, text.indexOf(':', to) < 0 ? to : text.indexOf(':', to)))];
  }
  if (message.startsWith('Unexpected scalar at node end')) {
    const inList = /^\s*-(?:\s|$)/.test(text) && at > 0;
    return [inList ? "did not find expected '-' indicator" : KEY, at];
  }
  if (message.startsWith('Invalid escape sequence'))
    return [/\\[xuU]/.test(message) ? 'did not find expected hexdecimal number' : 'found unknown escape character', scanned(at)];
  if (message.startsWith('Block collections are not allowed within flow')) return ["did not find expected ',' or '}'", at];
  if (message.includes('must be at most 1024 chars')) return [VALUES, scanned(at)];
  if (/^[^#'"]*:\s+\?\s/.test(lineOf(text, at))) return ['mapping keys are not allowed in this context', scanned(at)];
  if (/^Implicit map keys? needs? to be followed/.test(message)) {
    const rest = text.split('\n').slice(at + 1).findIndex((line) => line.trim() !== '');
    return ["could not find expected ':'", rest >= 0 ? at + 2 + rest : end + (text.endsWith('\n') ? 1 : 2)];
  }
  if (/[Nn]ested mappings|Implicit map key|block as implicit key|multiline/i.test(message)) {
    const colon = text.indexOf(': ', from);
    return [VALUES, scanned(/[Nn]ested mappings/.test(message) && colon > 0 ? Math.max(at, lineAt(text, Math.min(colon, to))) : at)];
  }
  if (/tab/i.test(message)) return [NO_TOKEN, scanned(at)];
  return undefined;
} // prettier-ignore
const lineOf = (text: string, line: number): string => text.split('\n')[line] ?? '';

/** Of errors that are thrown while values are made. */
export function valueProblem(message: string): string {
  if (message.startsWith('Unresolved alias')) return `yaml: unknown anchor '${message.slice(message.lastIndexOf(': ') + 2)}' referenced`; // prettier-ignore
  if (message.startsWith('Merge sources')) return 'yaml: map merge requires map or sequence of maps as the value';
  if (message.startsWith('Excessive alias count')) return 'yaml: document contains excessive aliasing';
  return `yaml: ${message}`;
}
/** Why what stands before the first document cannot be read, if so. */
export function directiveProblem(text: string): string | undefined {
  if (!text.startsWith('%')) return undefined;
  for (const line of text.split('\n')) {
    if (!line.startsWith('%')) return undefined;
    const version = /^%YAML\s+(\d+)\.\d+\s*(?:#.*)?$/.exec(line);
    if (version !== null && version[1] !== '1') return 'yaml: found incompatible YAML document';
    if (!/^%(?:YAML|TAG)(?:\s|$)/.test(line)) return 'yaml: found unknown directive name';
  }
  return undefined;
}
