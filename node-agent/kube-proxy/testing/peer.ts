/** A program that lives in a network namespace of a test: it answers at ports, and asks others. One JSON order a line. */
import { createSocket } from 'node:dgram';
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';

interface Order {
  readonly id: number;
  readonly op: 'listen' | 'ask';
  readonly protocol: 'tcp' | 'udp';
  readonly host: string;
  readonly port: number;
  /** Address that it asks from. */
  readonly from?: string;
  readonly waitMs?: number;
}
const say = (id: number, answer: string): void => void process.stdout.write(`${JSON.stringify({ id, answer })}\n`);
/** Who asks is told who answers, and as whom it is seen. */
const bare = (address: string | undefined): string => (address ?? '').replace(/^::ffff:/, '');

function listen({ id, protocol, host, port }: Order): void {
  if (protocol === 'udp') {
    const socket = createSocket({ type: host.includes(':') ? 'udp6' : 'udp4' });
    socket.on('message', (_, { address, port: to }) => socket.send(`${host}:${port} ${bare(address)}`, to, address));
    socket.bind(port, host, () => say(id, 'listening'));
    return;
  }
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.end(`${bare(socket.localAddress)}:${socket.localPort} ${bare(socket.remoteAddress)}`);
  });
  server.on('error', (error) => say(id, error.message));
  server.listen(port, host, () => say(id, 'listening'));
}
function ask({ id, protocol, host, port, from, waitMs = 250 }: Order): void {
  let isOver = false;
  const over = (answer: string, end: () => void): void => {
    if (isOver) return;
    isOver = true;
    clearTimeout(timer);
    end();
    say(id, answer);
  };
  let end = (): void => undefined;
  const timer = setTimeout(() => over('silence', end), waitMs);
  if (protocol === 'udp') {
    const socket = createSocket({ type: host.includes(':') ? 'udp6' : 'udp4' });
    end = () => void socket.close();
    socket.on('message', (bytes) => over(bytes.toString(), end));
    socket.on('error', (error) => over((error as NodeJS.ErrnoException).code ?? error.message, end));
    // Connected sockets alone hear of refusals.
    socket.bind(0, from, () => socket.connect(port, host, () => socket.send('?')));
    return;
  }
  let text = '';
  const socket = connect({ host, port, ...(from !== undefined && { localAddress: from }) });
  end = () => void socket.destroy();
  socket.on('data', (bytes: Buffer) => (text += bytes.toString()));
  socket.on('end', () => over(text, end));
  socket.on('error', (error) => over((error as NodeJS.ErrnoException).code ?? error.message, end));
}
createInterface(process.stdin)
  .on('line', (line) => {
    const order = JSON.parse(line) as Order;
    (order.op === 'listen' ? listen : ask)(order);
  })
  // Who gave the orders is gone, and the namespace goes with us.
  .on('close', () => process.exit());
process.stdout.write(`${JSON.stringify({ id: 0, answer: 'here' })}\n`);
