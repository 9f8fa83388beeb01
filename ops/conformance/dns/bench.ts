/**
 * Questions a second and how long they take, by UDP: of the name server of a cluster, or of any other for comparison.
 *
 *   node ops/conformance/dns/bench.ts <port> [--name kubernetes.default.svc.cluster.local] [--type A] [--seconds 5]
 *     [--flight 64] [--rate 0] [--names file]
 *
 * `--flight`: how many are under way at once, over eight sockets; `--rate`: so many a second instead, as they come; `--names`:
 * a file with a question `name type` a line. What is not answered within a second is lost.
 */
import { createSocket, type Socket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { question } from '../../../actors/dns/testing/packets.ts';

const SOCKETS = 8;
const LOST_MS = 1_000;
const MAX_BURST = 32;
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    name: { type: 'string', default: 'kubernetes.default.svc.cluster.local' },
    type: { type: 'string', default: 'A' },
    seconds: { type: 'string', default: '5' },
    flight: { type: 'string', default: '64' },
    rate: { type: 'string', default: '0' },
    names: { type: 'string' },
  },
});
const port = Number(positionals[0]);
const lines = values.names === undefined ? [`${values.name} ${values.type}`] : readFileSync(values.names, 'utf8').trim().split('\n'); // prettier-ignore
const questions = lines.map((line) => {
  const [name = '', type = 'A'] = line.split(' ');
  return question(name, type, { edns: 1232 });
});
const [seconds, flight, rate] = [values.seconds, values.flight, values.rate].map(Number) as [number, number, number];

const times: number[] = [];
const codes = new Map<number, number>();
let sent = 0;
let lost = 0;
let isOver = false;
function open(share: number): { readonly socket: Socket; ask(): void; sweep(): void } {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 1 << 20 });
  const since = new Float64Array(65_536);
  let id = 0;
  let pending = 0;
  const ask = (): void => {
    const packet = Buffer.from(questions[sent % questions.length]!);
    id = (id + 1) & 0xffff;
    packet.writeUInt16BE(id);
    since[id] = performance.now();
    sent++;
    pending++;
    socket.send(packet);
  };
  socket.on('message', (answer) => {
    const at = answer.readUInt16BE(0);
    const begun = since[at]!;
    if (begun === 0) return;
    since[at] = 0;
    pending--;
    times.push(performance.now() - begun);
    codes.set(answer[3]! & 0xf, (codes.get(answer[3]! & 0xf) ?? 0) + 1);
    if (!isOver && rate === 0) ask();
  });
  const sweep = (): void => {
    const late = performance.now() - LOST_MS;
    for (let i = 0; i < since.length; i++)
      if (since[i]! > 0 && since[i]! < late) {
        since[i] = 0;
        pending--;
        lost++;
      }
    while (!isOver && rate === 0 && pending < share) ask();
  };
  return { socket, ask, sweep };
}
const clients = Array.from({ length: SOCKETS }, () => open(Math.max(1, Math.floor(flight / SOCKETS))));
await Promise.all(clients.map(({ socket }) => new Promise<void>((done) => socket.connect(port, '127.0.0.1', done))));
const begun = performance.now();
if (rate === 0) for (const client of clients) client.sweep();
else {
  let given = 0;
  const pour = (): void => {
    const due = Math.floor(((performance.now() - begun) / 1_000) * rate);
    // Who was not scheduled for a while does not make up for it at once: that would measure buffers.
    given = Math.max(given, due - MAX_BURST);
    for (; given < due; given++) clients[given % SOCKETS]!.ask();
    if (!isOver) setImmediate(pour);
  };
  pour();
}
const sweeping = setInterval(() => clients.forEach((client) => client.sweep()), 250);
await new Promise((done) => setTimeout(done, seconds * 1_000));
isOver = true;
const took = (performance.now() - begun) / 1_000;
await new Promise((done) => setTimeout(done, 300));
clearInterval(sweeping);
for (const { socket } of clients) socket.close();
const sorted = Float64Array.from(times).sort();
const at = (share: number): string =>
  (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN).toFixed(2);
const counted = [...codes].map(([code, n]) => `${code}: ${n}`).join(', ');
console.log(
  `${Math.round(times.length / took)}/s; p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, p99.9 ${at(0.999)} ms; lost ${lost}; codes ${counted}`,
);
