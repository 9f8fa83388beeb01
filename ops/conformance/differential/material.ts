import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ORACLE, scenario } from '../../../schemas/testing/golden.ts';
import type { Dictionary, Json } from './mutate.ts';

/** The bodies of all recorded creations that succeeded, by resource, and the values of their fields by name. */
export function material(): { bases: Map<string, Json[]>; dictionary: Dictionary } {
  const bases = new Map<string, Json[]>();
  const dictionary = new Map<string, Json[]>();
  const learn = (value: Json, key: string): void => {
    if (Array.isArray(value)) for (const item of value) learn(item, key);
    else if (typeof value === 'object' && value !== null) for (const [k, v] of Object.entries(value)) learn(v, k);
    else {
      const known = dictionary.get(key) ?? dictionary.set(key, []).get(key)!;
      if (known.length < 5 && !known.includes(value)) known.push(value);
    }
  };
  for (const file of readdirSync(join(ORACLE, 'suite'))) {
    const { steps, recorded } = scenario(file.replace(/\.yaml$/, ''));
    for (const { name, method, path, body } of steps) {
      const answer = recorded.get(name);
      if (method !== 'POST' || typeof body !== 'object' || answer === undefined || answer.status > 201) continue;
      learn(body as Json, '');
      const match = /^\/apis?\/(?:[^/]+\/)?[^/]+(?:\/namespaces\/[^/]+)?\/(\w+)(?:\?|$)/.exec(path);
      const { apiVersion } = body as { apiVersion?: string };
      if (match && apiVersion !== undefined) {
        const id = `${apiVersion}/${path === '/api/v1/namespaces' ? 'namespaces' : match[1]}`;
        (bases.get(id) ?? bases.set(id, []).get(id)!).push(body as Json);
      }
    }
  }
  return { bases, dictionary };
}
