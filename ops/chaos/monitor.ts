import { get } from 'node:http';

/** What a nats-server's monitoring port on 127.0.0.1 says; undefined where nothing answers in time. */
export async function fetchJson<T>(port: number, path: string): Promise<T | undefined> {
  const text = await new Promise<string | undefined>((resolve) => {
    const request = get({ host: '127.0.0.1', port, path, timeout: 500 }, (answer) => {
      let body = '';
      answer.setEncoding('utf8');
      answer.on('data', (chunk: string) => (body += chunk));
      answer.on('error', () => resolve(undefined));
      answer.on('end', () => resolve(answer.statusCode === 200 ? body : undefined));
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(undefined));
  });
  try {
    return text === undefined ? undefined : (JSON.parse(text) as T);
  } catch {
    return undefined;
  }
}

interface JszAnswer {
  readonly account_details?: readonly {
    readonly stream_detail?: readonly { readonly name: string; readonly cluster?: { readonly leader?: string } }[];
  }[];
}
/** Name of the server that leads `stream`, as the server with this monitoring port sees it. */
export async function leaderOf(port: number, stream: string): Promise<string | undefined> {
  const answer = await fetchJson<JszAnswer>(port, '/jsz?streams=true');
  const streams = answer?.account_details?.flatMap((account) => account.stream_detail ?? []) ?? [];
  return streams.find(({ name }) => name === stream)?.cluster?.leader;
}
