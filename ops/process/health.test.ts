import { get } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { openHealthDoor, type Health, type HealthDoor } from './health.ts';

let door: HealthDoor | undefined;
afterEach(() => door?.close());

const ask = (port: number, path = '/healthz', method = 'GET'): Promise<{ status?: number; text: string }> =>
  new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path, method }, (answer) => {
      let text = '';
      answer.on('data', (data: Buffer) => (text += data.toString()));
      answer.on('end', () => resolve({ status: answer.statusCode!, text }));
    }).once('error', reject);
  });

describe('GET /healthz of a process', () => {
  it('says what the process says of itself at that moment', async () => {
    let now: Health = { healthy: false, components: [{ name: 'etcd', state: 'loading', connected: true }] };
    door = await openHealthDoor(0, () => now);
    const before = await ask(door.port);
    expect([before.status, JSON.parse(before.text)]).toEqual([503, now]);
    now = { healthy: true, components: [{ name: 'etcd', state: 'serving', connected: true }] };
    const after = await ask(door.port);
    expect([after.status, JSON.parse(after.text)]).toEqual([200, now]);
  });
  it('answers nothing else', async () => {
    door = await openHealthDoor(0, () => ({ healthy: true, components: [] }));
    expect((await ask(door.port, '/')).status).toBe(404);
    expect((await ask(door.port, '/healthz', 'POST')).status).toBe(404);
  });
  it('tells why it cannot listen', async () => {
    door = await openHealthDoor(0, () => ({ healthy: true, components: [] }));
    await expect(openHealthDoor(door.port, () => ({ healthy: true, components: [] }))).rejects.toThrow('EADDRINUSE');
  });
});
