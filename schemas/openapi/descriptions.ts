import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What a definition and its fields are for. */
export interface Description {
  readonly text: string;
  readonly fields: ReadonlyMap<string, string>;
}
/** Looks a definition up by its name, `io.k8s.api.apps.v1.DeploymentSpec`. */
export type Describe = (definition: string) => Description | undefined;

/**
 * Reads descriptions from the declarations of @kubernetes/client-node, one file a definition, on first use. `place` is
 * its `dist/gen/models`, or a file that collectDescriptions() made of it; what is not there describes nothing.
 */
export function descriptionsFrom(place: string): Describe {
  const known = new Map<string, Description | undefined>();
  const read = place.endsWith('.json') ? collected(place) : declared(place);
  return (definition) => {
    if (!known.has(definition)) known.set(definition, first(classNames(definition), read));
    return known.get(definition);
  };
}
/** All that the declarations of `folder` say, as JSON, for where there are none: beside a bundle. */
export function collectDescriptions(folder: string): string {
  const all: Record<string, Collected> = {};
  for (const file of readdirSync(folder).toSorted()) {
    if (!/^[A-Z].*\.d\.ts$/.test(file)) continue;
    const { text, fields } = parse(readFileSync(join(folder, file), 'utf8'));
    if (text !== '' || fields.size > 0) all[file.slice(0, -'.d.ts'.length)] = [text, Object.fromEntries(fields)];
  }
  return JSON.stringify(all);
}
type Collected = readonly [text: string, fields: Readonly<Record<string, string>>];
/** Of a class; undefined: not there, or not under this name. */
type Reader = (className: string) => Description | undefined;

function declared(folder: string): Reader {
  return (name) => {
    try {
      return parse(readFileSync(join(folder, `${name}.d.ts`), 'utf8'));
    } catch {
      return undefined;
    }
  };
}
function collected(file: string): Reader {
  let all: ReadonlyMap<string, Collected> | undefined;
  const load = (): ReadonlyMap<string, Collected> => {
    try {
      return new Map(Object.entries(JSON.parse(readFileSync(file, 'utf8')) as Record<string, Collected>));
    } catch {
      return new Map();
    }
  };
  return (name) => {
    all ??= load();
    const found = all.get(name);
    return found && { text: found[0], fields: new Map(Object.entries(found[1])) };
  };
}
function first(names: readonly string[], read: Reader): Description | undefined {
  for (const name of names) {
    const found = read(name);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** `V1DeploymentSpec`; where groups share a kind's name, `CoreV1Event`. */
function classNames(definition: string): string[] {
  const [kind, version, group] = definition.split('.').toReversed();
  if (!kind || !version || !group || !/^v\d/.test(version)) return [];
  const plain = `${capital(version)}${kind}`;
  return [`${capital(group)}${plain}`, plain];
}
const capital = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1);

/** Comments directly before the class and before each quoted member. */
function parse(source: string): Description {
  const fields = new Map<string, string>();
  let text = '';
  for (const [, comment, name] of source.matchAll(/\/\*\*\s*\n((?:\s*\*[^/].*\n|\s*\*\n)*?)\s*\*\/\s*\n\s*(?:export declare class \w+|'([^']+)'\??:)/g)) {
    const words = (comment ?? '').split('\n').map((line) => line.replace(/^\s*\* ?/, '')).join('\n').trim().replaceAll(/\\(["\\])/g, '$1');
    if (name === undefined) text = words;
    else fields.set(name, words);
  }
  return { text, fields };
} // prettier-ignore
