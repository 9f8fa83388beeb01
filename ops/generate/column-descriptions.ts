#!/usr/bin/env node
/**
 * Writes schemas/facts/column-descriptions.json: what a real kube-apiserver says of each column of its tables. Each text
 * once; per resource the number of the text of each column. The columns of `""` are name and creation of any object.
 *
 *   node ops/generate/column-descriptions.ts KUBECONFIG
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { HttpsClient } from '../testing/https.ts';

const [kubeconfig] = process.argv.slice(2);
if (kubeconfig === undefined) {
  console.error('usage: column-descriptions.ts KUBECONFIG');
  process.exit(2);
}
const client = new HttpsClient(kubeconfig);
async function get<T>(path: string, accept = 'application/json'): Promise<T> {
  const { text } = await client.send('GET', path, undefined, { accept });
  return JSON.parse(text) as T;
}
const { groups } = await get<{ groups: { versions: { groupVersion: string }[] }[] }>('/apis');
const texts: string[] = [];
const columns: Record<string, number[]> = {};
function numberOf(text: string): number {
  const known = texts.indexOf(text);
  return known >= 0 ? known : texts.push(text) - 1;
}
for (const groupVersion of ['v1', ...groups.flatMap((g) => g.versions.map((v) => v.groupVersion))]) {
  const base = groupVersion === 'v1' ? '/api/v1' : `/apis/${groupVersion}`;
  const { resources } = await get<{ resources: { name: string; verbs: string[] }[] }>(base);
  for (const { name, verbs } of resources) {
    if (name.includes('/') || !verbs.includes('list')) continue;
    const table = await get<{ columnDefinitions: { name: string; description: string }[] }>(
      `${base}/${name}`,
      'application/json;as=Table;v=v1;g=meta.k8s.io',
    );
    columns[`${groupVersion} ${name}`] = table.columnDefinitions.map((c) => numberOf(c.description));
    if (table.columnDefinitions.length === 2 && table.columnDefinitions[1]!.name === 'Created At')
      columns[''] = columns[`${groupVersion} ${name}`]!;
  }
}
client.close();
const line = ([key, value]: [string, unknown]): string => `${JSON.stringify(key)}: ${JSON.stringify(value)}`;
const file = join(import.meta.dirname, '../../schemas/facts/column-descriptions.json');
writeFileSync(
  file,
  `{"texts": [\n${texts.map((t) => JSON.stringify(t)).join(',\n')}\n],\n"columns": {\n${Object.entries(columns).map(line).join(',\n')}\n}}\n`,
);
