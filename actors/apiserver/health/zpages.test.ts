import { beforeEach, expect, it } from 'vitest';
import { createZpages } from './zpages.ts';
import type { PathHandler } from '../request.ts';

const START = Date.UTC(2026, 10, 5, 7, 37, 17);
let now: number;
let pages: PathHandler;
beforeEach(() => {
  now = START + 400;
  const clock = { now: () => now } as never;
  pages = createZpages({ clock, random: () => 0.3 }, () => ({ b: '[x]', a: 'true' }));
});
const ask = (path: string, accept = '', query = ''): { code: number; headers: Record<string, string>; body: string } =>
  pages({ method: 'GET', path, query: new URLSearchParams(query), headers: { accept }, user: { name: 'a', groups: [] }, signal: new AbortController().signal }) as never; // prettier-ignore

it('says as text what runs since when', () => {
  now += 3_725_000;
  const { headers, body } = ask('/statusz', 'text/plain');
  expect(headers).toEqual({ 'Content-Type': 'text/plain; charset=utf-8' });
  expect(body.replace(/node\S+/, 'GO')).toBe(`
apiserver statusz
Warning: This endpoint is not meant to be machine parseable, has no formatting compatibility guarantees and is for debugging purposes only.

Started:  Thu Nov  5 07:37:17 UTC 2026
Up:  1 hr 02 min 05 sec
Go version:  GO
Binary version:  1.36.3
Emulation version:  1.36
Paths:  /flagz /healthz /livez /metrics /readyz /statusz /version
`);
  expect(ask('/flagz').body.split('\n').slice(3)).toEqual(['a: true', 'b: [x]', '']);
});
it('says the same as objects', () => {
  const json = 'application/json;g=config.k8s.io;v=v1beta1;as=';
  const { headers, body } = ask('/statusz', `${json}Statusz`);
  expect(headers).toEqual({ 'Content-Type': `${json}Statusz` });
  expect(JSON.parse(body)).toMatchObject({
    kind: 'Statusz',
    apiVersion: 'config.k8s.io/v1beta1',
    metadata: { name: 'apiserver' },
    startTime: '2026-11-05T07:37:17Z',
    uptimeSeconds: 0,
    binaryVersion: '1.36.3',
  });
  expect(ask('/flagz', 'application/yaml;as=Flagz;v=v1alpha1;g=config.k8s.io')).toEqual({
    code: 200,
    headers: {
      'Content-Type': 'application/yaml;g=config.k8s.io;v=v1alpha1;as=Flagz',
      Warning: '299 - "This version of the flagz endpoint is deprecated. Please use a newer version."',
    },
    body: 'apiVersion: config.k8s.io/v1alpha1\nflags:\n  a: "true"\n  b: \'[x]\'\nkind: Flagz\nmetadata:\n  name: apiserver\n',
  });
});
// What kube-apiserver answers.
it.each([
  ['text/*', 200],
  ['*/*;q=0', 200],
  ['x, text/plain', 200],
  ['text/html', 406],
  ['application/json', 406],
  ['application/yaml', 406],
  ['application/vnd.kubernetes.protobuf', 406],
  ['application/json;as=Flagz;v=v1beta1;g=config.k8s.io', 406],
  ['application/json;as=Statusz;v=v1;g=config.k8s.io', 406],
])('Accept: %s is answered %i', (accept, code) => {
  let answered: number;
  try {
    answered = ask('/statusz', accept).code;
  } catch (error) {
    answered = (error as { status: { code: number; message: string } }).status.code;
  }
  expect(answered).toBe(code);
});
it('leaves other paths alone', () => {
  for (const path of ['/statusz/', '/flagzz', '/']) expect(ask(path)).toBeUndefined();
});
