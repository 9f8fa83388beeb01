import { readFileSync } from 'node:fs';
import { Agent } from 'node:https';
import { WebSocket } from 'ws';
import { parse } from 'yaml';

interface Kubeconfig {
  readonly clusters: readonly { readonly cluster: { readonly server: string; readonly 'certificate-authority-data': string } }[];
  readonly users: readonly { readonly user: { readonly 'client-certificate-data': string; readonly 'client-key-data': string } }[];
} // prettier-ignore
const STATUS_CHANNEL = 3;

/** Runs commands in containers as kubectl does: a WebSocket, with a TLS connection of its own, for each of them. */
export function execDoor(kubeconfig: string) {
  const { clusters, users } = parse(readFileSync(kubeconfig, 'utf8')) as Kubeconfig;
  const { server, 'certificate-authority-data': ca } = clusters[0]!.cluster;
  const { 'client-certificate-data': cert, 'client-key-data': key } = users[0]!.user;
  const bytes = (text: string): Buffer => Buffer.from(text, 'base64');
  const tls = { ca: bytes(ca), cert: bytes(cert), key: bytes(key) };

  /** Resolves with its output once the connection is closed. */
  return (pod: string, command: readonly string[]): Promise<string> => {
    const query = new URLSearchParams({ stdout: '1', stderr: '1' });
    for (const word of command) query.append('command', word);
    const url = `${server.replace('https', 'wss')}/api/v1/namespaces/default/pods/${pod}/exec?${query}`;
    // A session that is taken up again would spare the handshake.
    const socket = new WebSocket(url, 'v5.channel.k8s.io', { ...tls, agent: new Agent({ maxCachedSessions: 0 }) });
    const said: Buffer[] = [];
    let status = '';
    socket.on('message', (message: Buffer) => {
      if (message[0] === STATUS_CHANNEL) status = message.subarray(1).toString();
      else said.push(message.subarray(1));
    });
    return new Promise((resolve, reject) => {
      socket.once('error', reject);
      socket.once('close', () => {
        if (status.includes('"Success"')) resolve(Buffer.concat(said).toString());
        else reject(new Error(`exec: ${status || 'no status'}`));
      });
    });
  };
}
