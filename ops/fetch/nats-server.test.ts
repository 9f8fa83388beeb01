import { expect, it } from 'vitest';
import { isRecentEnough } from './nats-server.ts';

it.each([
  ['nats-server: v2.14.0', true],
  ['nats-server: v2.15.1\n', true],
  ['nats-server: v3.0.0', true],
  ['nats-server: v2.14.0-RC.1', true],
  ['nats-server: v2.13.9', false],
  ['nats-server: v2.9.100', false],
  ['nats-server: v1.99.0', false],
  ['', false],
  ['command not found', false],
])('%j: recent enough is %s', (line, enough) => expect(isRecentEnough(line)).toBe(enough));
