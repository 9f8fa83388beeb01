import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What a definition and its fields are for. */
export interface Description {
  readonly text: string;
  readonly fields: ReadonlyMap<string, string>;
}
/** Looks a definition up by its name, `io.k8s.api.apps.v1.DeploymentSpec`. */
export type Describe = (definition: string) => Description | undefined;

/**
 * Reads descriptions from the declarations of @kubernetes/client-node, one file a definition, on first use. `folder` is
 * its `dist/gen/models`; a folder or file that is not there describes nothing.
 */
export function descriptionsFrom(folder: string): Describe {
  const known = new Map<string, Description | undefined>();
  return (definition) => {
    if (known.has(definition)) return known.get(definition);
    let found: Description | undefined;
    for (const name of classNames(definition)) {
      try {
        found = parse(readFileSync(join(folder, `${name}.d.ts`), 'utf8'));
        break;
      } catch {
        // Not generated under this name, or not installed.
      }
    }
    known.set(definition, found);
    return found;
  };
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
