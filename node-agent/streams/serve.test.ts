import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Bus, Session } from '../../bus/bus.ts';
import { createMemoryHub } from '../../bus/memory/bus.ts';
import type { ExecRequest, NodeAnswerHead, StreamOutput } from '../../bus/protocol/node.ts';
import { realWorld } from '../../bus/real-world.ts';
import { SessionStream } from '../../bus/session-stream.ts';
import { until } from '../../bus/testing/until.ts';
import { pods } from '../../actors/runtime/resources.ts';
import { bench, type Bench } from '../kubelet/testing/kubelet.ts';

const world = realWorld({ level: 'silent' });
let b: Bench;
let buses: Bus[];
beforeEach(async () => {
  const hub = createMemoryHub({ world });
  buses = ['nodes', 'apiserver'].map((name) => hub.connect(name));
  b = await bench({}, buses[0]);
  await b.run('web', { containers: [{ name: 'main', image: 'app:1', ports: [{ containerPort: 8080 }] }] }, { logs: ['one', 'tick'], logEveryMs: 1_000 }); // prettier-ignore
  await b.world.until(() => b.pod('web')?.status?.phase === 'Running');
});
afterEach(async () => {
  await b.stop();
  await Promise.all(buses.map((bus) => bus.drain()));
});
const where = { namespace: 'default', name: 'web', container: 'main' };
const streams = { stdin: false, stdout: true, stderr: true, tty: false };
const open = (op: string, request: object = {}): Promise<Session> =>
  buses[1]!.open(`kubus.v1.node.n1.${op}`, { ...where, ...streams, ...request });
const exec = (command: readonly string[], request: Partial<ExecRequest> = {}): Promise<Session> =>
  open('exec', { command, ...request });
/** All that it says, and how it went. */
async function said(session: Session): Promise<{ output: string; status: unknown }> {
  let output = '';
  let status: unknown;
  for await (const frame of session.frames()) {
    const [channel, body] = frame as StreamOutput;
    if (channel === 3) status = body;
    else output += Buffer.from(body).toString();
  }
  return { output, status };
}

describe('a command in a simulated container', () => {
  it('says what it does, and how it went', async () => {
    expect(await said(await exec(['sh', '-c', 'echo hi; exit 3']))).toEqual({
      output: 'hi\n',
      status: {
        metadata: {}, status: 'Failure', reason: 'NonZeroExitCode',
        message: 'command terminated with non-zero exit code: exit status 3',
        details: { causes: [{ reason: 'ExitCode', message: '3' }] },
      },
    }); // prettier-ignore
    expect(await said(await exec(['echo', 'hi']))).toMatchObject({ status: { status: 'Success' } });
  });
  it('says things at their time', async () => {
    const all = said(await exec(['sh', '-c', 'echo one; sleep 5; echo two']));
    await b.world.advance(5_000);
    expect(await all).toMatchObject({ output: 'one\ntwo\n', status: { status: 'Success' } });
  });
  it('writes files that others find', async () => {
    await said(await exec(['sh', '-c', 'echo kept > /tmp/a']));
    expect((await said(await exec(['cat', '/tmp/a']))).output).toBe('kept\n');
  });
  it('hands back what it is told, to the end', async () => {
    const session = await exec(['cat'], { stdin: true });
    const all = said(session);
    for (const part of ['a', 'b', null]) await session.send([0, part === null ? null : Buffer.from(part)]);
    expect(await all).toMatchObject({ output: 'ab', status: { status: 'Success' } });
  });
  it('that it does not understand fails in plain words', async () => {
    expect((await said(await exec(['nmap', '-v']))).status).toMatchObject({ code: 500, message: expect.stringContaining('a simulated container cannot run "nmap -v"') }); // prettier-ignore
  });
  it('on which nothing is said for four hours is left, and one that is spoken to is not', async () => {
    const quiet = await exec(['cat'], { stdin: true });
    const busy = await exec(['cat'], { stdin: true });
    const left = said(quiet);
    let echoed = '';
    const kept = (async () => {
      for await (const frame of busy.frames()) {
        const [channel, body] = frame as StreamOutput;
        if (channel === 3) return body;
        echoed += Buffer.from(body).toString();
      }
    })();
    for (let hours = 1; hours <= 5; hours++) {
      await busy.send([0, Buffer.from('.')]);
      await until(() => echoed.length === hours);
      await b.world.advance(3_600_000);
    }
    expect(await left).toEqual({ output: '', status: undefined });
    expect(await quiet.closed).toMatchObject({ message: 'nothing was said on the stream for too long' });
    await busy.send([0, null]);
    expect(await kept).toMatchObject({ status: 'Success' });
  });
  it('ends with its container', async () => {
    const all = said(await exec(['sleep', 'infinity']));
    await b.api.client().delete(pods, 'web', 'default', { gracePeriodSeconds: 0 });
    expect(await all).toMatchObject({ status: { details: { causes: [{ message: '137' }] } } });
  });
  it('shows what comes when it is attached to, and goes on when it is left', async () => {
    await b.world.advance(1_500);
    const session = await open('attach');
    let output = '';
    void (async () => {
      for await (const frame of session.frames()) output += Buffer.from((frame as StreamOutput)[1] as Uint8Array).toString(); // prettier-ignore
    })();
    await b.world.advance(2_000);
    await until(() => output === 'tick\ntick\n');
    session.close();
    expect(b.pod('web')?.status?.phase).toBe('Running');
  });
});

describe('who asks for what is not there', () => {
  it.each([
    ['a container', 'exec', { container: 'none', command: ['true'] }, 'container not found ("none")'],
    ['a pod', 'exec', { name: 'none', command: ['true'] }, 'container not found ("main")'],
    ['a container to attach to', 'attach', { container: 'none' }, 'container none not found in pod web_default'],
    ['a pod to dial', 'dial', { name: 'none', port: 80 }, 'pod not found ("none_default")'],
    ['a port', 'dial', { port: 81 }, 'connect: connection refused'],
  ])('is refused: %s', async (_, op, request, message) => {
    await expect(open(op, request)).rejects.toMatchObject({ status: { message: expect.stringContaining(message) } });
  });
});

it('a port of a pod is reached', async () => {
  const stream = new SessionStream(await open('dial', { port: 8080 }));
  stream.write('GET /hostname HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  expect(await text(stream)).toMatch(/\r\n\r\nweb$/);
  stream.end();
});

describe('pages that reach into containers', () => {
  async function ask(target: string, method = 'GET'): Promise<readonly [status: number, body: string]> {
    const session = await buses[1]!.open('kubus.v1.node.n1.http', { method, target, headers: [], body: new Uint8Array() }); // prettier-ignore
    const frames: unknown[] = [];
    for await (const frame of session.frames()) frames.push(frame);
    const [head, ...rest] = frames;
    return [(head as NodeAnswerHead).status, Buffer.concat(rest as Uint8Array[]).toString()];
  }
  it.each([
    ['GET', '/containerLogs/default/web/main?tailLines=1', 200, 'tick\n'],
    ['GET', '/containerLogs/default/web/main?tail=all', 200, 'one\ntick\n'],
    ['GET', '/containerLogs/default/web/main?tailLines=x', 400, '{"message": "Unable to decode query."}'],
    ['GET', '/containerLogs/default/web/main?limitBytes=0', 422, '{"message": "Invalid request."}'],
    ['GET', '/containerLogs/default/none/main', 404, 'pod "none" does not exist'],
    ['GET', '/containerLogs/default/web/none', 404, 'container "none" not found in pod "web"'],
    ['GET', '/containerLogs/default/web/main?previous=true', 400, 'previous terminated container "main" in pod "web" not found'],
    ['POST', '/run/default/web/main?cmd=echo+ran', 200, 'ran\n'],
    ['POST', '/run/default/web/main?cmd=false', 500, "command 'false' exited with 1: "],
    ['POST', '/run/default/web/none?cmd=true', 500, 'container not found ("none")'],
    ['POST', '/run/default/none/main?cmd=true', 404, 'pod does not exist'],
    ['GET', '/run/default/web/main?cmd=true', 405, '405: Method Not Allowed'],
    ['POST', '/checkpoint/default/web/main', 500, 'checkpointing of default/web/main failed (rpc error: code = Unimplemented desc = method CheckpointContainer not implemented)'],
    ['POST', '/checkpoint/default/web/main?timeout=soon', 404, 'cannot parse value of timeout parameter'],
    ['POST', '/checkpoint/default/web/none', 404, 'container none does not exist'],
    ['POST', '/checkpoint/default/none/main', 404, 'pod does not exist'],
    ['GET', '/checkpoint/default/web/main', 405, '405: Method Not Allowed'],
    ['GET', '/exec/default/web/main?command=ls', 500, 'Upgrade request required\n'],
  ])('%s %s', async (method, target, status, body) => {
    expect(await ask(target, method)).toEqual([status, body]);
  }); // prettier-ignore
});
