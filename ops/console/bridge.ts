import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';

const VISUALIZER = 'https://stately.ai';
/** Hands frames on to the visualizer once that says that it is there. */
const SCRIPT = `
const frame = document.querySelector('iframe');
const waiting = [];
let there = false;
addEventListener('message', (event) => {
  if (event.source !== frame.contentWindow || event.data?.type !== '@statelyai.connected') return;
  there = true;
  for (const message of waiting.splice(0)) frame.contentWindow.postMessage(message, '${VISUALIZER}');
});
const socket = new WebSocket('ws://' + location.host + '/stately/out' + location.search);
socket.onmessage = ({ data }) => {
  const message = JSON.parse(data);
  if (there) frame.contentWindow.postMessage(message, '${VISUALIZER}');
  else waiting.push(message);
};
socket.onclose = () => { document.title = 'disconnected: Kubus'; };
`;
const STYLE = 'html,body,iframe{margin:0;border:0;width:100%;height:100%}';
const hashOf = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
const PAGE = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Kubus in the XState visualizer</title><style>${STYLE}</style></head>
<body><iframe title="XState visualizer" src="${VISUALIZER}/inspect"></iframe><script>${SCRIPT}</script></body></html>
`;
const POLICY = `default-src 'none'; frame-src ${VISUALIZER}; script-src ${hashOf(SCRIPT)}; style-src ${hashOf(STYLE)}; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

/**
 * A page that shows this cluster in the hosted XState visualizer, which takes frames from the window around it. The only
 * page of ours that loads something from elsewhere, and only when somebody asked for the plain port of `--stately`.
 */
export function sendBridge(request: IncomingMessage, response: ServerResponse): void {
  if (request.method !== 'GET' || (request.url ?? '').split('?')[0] !== '/') {
    response.writeHead(404, { 'content-length': 0 });
    response.end();
    return;
  }
  response.writeHead(200, {
    'content-type': 'text/html; charset=utf-8',
    'content-length': Buffer.byteLength(PAGE),
    'content-security-policy': POLICY,
    'x-content-type-options': 'nosniff',
    // The address holds the token.
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-store',
  });
  response.end(PAGE);
}
