import { expect, it } from 'vitest';
import { remoteUser } from './request-header.ts';

it.each([
  [[], undefined],
  [['X-Remote-Group', 'g'], undefined],
  [['X-Remote-User', '', 'X-Remote-User', 'b'], undefined],
  [['x-remote-user', 'a', 'X-Remote-User', 'b'], { name: 'a', groups: ['system:authenticated'] }],
  [['X-Remote-User', 'a', 'X-Remote-Uid', '7'], { name: 'a', groups: ['system:authenticated'] }],
  [
    ['X-Remote-User', 'a', 'X-Remote-Group', 'one, two', 'X-Remote-Group', '', 'x-remote-group', 'three'],
    { name: 'a', groups: ['one, two', 'three', 'system:authenticated'] },
  ],
  [
    [
      'X-Remote-User',
      'a',
      'X-Remote-Extra-Example.com%2FScope',
      '1',
      'X-Remote-Extra-Bad%2',
      '2',
      'X-Remote-Extra-example.com%2fscope',
      '3',
    ],
    { name: 'a', groups: ['system:authenticated'], extra: { 'example.com/scope': ['1', '3'], 'bad%2': ['2'] } },
  ],
])('the headers %j say %j', (raw, user) => {
  expect(remoteUser(raw)).toEqual(user);
});
