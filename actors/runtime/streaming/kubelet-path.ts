import type { Connecting } from './connecting.ts';

const MOST_PORT = 65_535;

/**
 * What a path of the kubelet's own asks to be joined to; undefined: nothing. Source: kubelet pkg/server
 * InstallDebuggingHandlers, cri-streaming NewOptions, NewV4Options.
 */
export function kubeletPath(path: string, query: URLSearchParams): Connecting | undefined {
  const [, page = '', namespace = '', name = '', ...rest] = path.split('/');
  const isSet = (parameter: string): boolean => query.get(parameter) === '1';
  if (namespace === '' || name === '') return undefined;
  if (page === 'portForward' && rest.length <= 1) {
    const ports = query.getAll('port').flatMap((text) => text.split(',').map(Number));
    if (ports.some((port) => !Number.isInteger(port) || port < 1 || port > MOST_PORT)) return undefined;
    return { op: 'portforward', pod: { namespace, name, uid: rest[0] }, ports };
  }
  const container = rest.at(-1);
  if ((page !== 'exec' && page !== 'attach') || container === undefined || rest.length > 2) return undefined;
  const tty = isSet('tty');
  const streams = { stdin: isSet('input'), stdout: isSet('output'), stderr: isSet('error') && !tty, tty };
  const request = { namespace, name, container, ...(rest.length === 2 && { uid: rest[0] }), ...streams };
  return page === 'exec' ? { op: 'exec', request: { ...request, command: query.getAll('command') } } : { op: 'attach', request }; // prettier-ignore
}
