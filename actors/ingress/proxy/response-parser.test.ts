import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MalformedResponse, ResponseParser } from './response-parser.ts';

interface Heard {
  readonly said: string[];
  readonly parser: ResponseParser;
}
function listen(method = 'GET', mayUpgrade = false): Heard {
  const said: string[] = [];
  let body = '';
  const parser = new ResponseParser({
    head: ({ status, headers }) => said.push(`${status} ${headers.join('|')}`),
    data: (chunk) => void (body += chunk.toString('latin1')),
    end: (reusable) => {
      said.push(`body:${body}`, reusable ? 'kept' : 'last');
      body = '';
    },
    upgraded: ({ status }, rest) => said.push(`${status} upgraded`, rest.toString('latin1')),
  });
  parser.expect(method, mayUpgrade);
  return { said, parser };
}
const read = (text: string, method?: string): string[] => {
  const { said, parser } = listen(method);
  parser.feed(Buffer.from(text, 'latin1'));
  return said;
};
const OK = 'HTTP/1.1 200 OK\r\n';

describe('answers', () => {
  it.each([
    ['of a length', `${OK}Content-Length: 3\r\n\r\nabc`, ['200 Content-Length|3', 'body:abc', 'kept']],
    ['of no length', `${OK}content-length:0\r\n\r\n`, ['200 content-length|0', 'body:', 'kept']],
    ['in chunks', `${OK}Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\nA;x=y\r\n0123456789\r\n0\r\nT: v\r\n\r\n`, ['200 Transfer-Encoding|chunked', 'body:ab0123456789', 'kept']],
    ['that end the connection', `${OK}Connection: keep-alive, Close\r\nContent-Length: 0\r\n\r\n`, ['200 Connection|keep-alive, Close|Content-Length|0', 'body:', 'last']],
    ['of HTTP/1.0', `HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na`, ['200 Content-Length|1', 'body:a', 'last']],
    ['of HTTP/1.0 that keep it', `HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\na`, ['200 Connection|keep-alive|Content-Length|1', 'body:a', 'kept']],
    ['that have none', 'HTTP/1.1 204 No Content\r\nX:  y \r\n\r\n', ['204 X|y', 'body:', 'kept']],
    ['after those on the way', `HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n${OK}Content-Length: 0\r\n\r\n`, ['200 Content-Length|0', 'body:', 'kept']],
    ['without a reason', 'HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n', ['200 Content-Length|0', 'body:', 'kept']],
  ])('%s', (_, text, said) => expect(read(text)).toEqual(said)); // prettier-ignore
  it('to HEAD have no body, whatever length they tell', () =>
    expect(read(`${OK}Content-Length: 9\r\n\r\n`, 'HEAD')).toEqual(['200 Content-Length|9', 'body:', 'kept']));
  it('without a length end with the connection', () => {
    const { said, parser } = listen();
    parser.feed(Buffer.from(`${OK}\r\nabc`));
    parser.finish();
    expect(said).toEqual(['200 ', 'body:abc', 'last']);
  });
  it('may be of another protocol where that was asked for', () => {
    const { said, parser } = listen('GET', true);
    parser.feed(Buffer.from('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81\x00', 'latin1'));
    expect(said).toEqual(['101 upgraded', '\x81\x00']);
  });
  it.each([
    ['no HTTP', 'SSH-2.0\r\n\r\n'],
    ['HTTP/2', 'HTTP/2 200\r\n\r\n'],
    ['two lengths', `${OK}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab`],
    ['a list of lengths', `${OK}Content-Length: 1, 1\r\n\r\na`],
    ['a signed length', `${OK}Content-Length: +1\r\n\r\na`],
    ['a length and chunks', `${OK}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
    ['another coding', `${OK}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`],
    ['chunks in HTTP/1.0', 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['a folded header', `${OK}A: b\r\n c\r\nContent-Length: 0\r\n\r\n`],
    ['a space before the colon', `${OK}A : b\r\n\r\n`],
    ['bare line feeds', 'HTTP/1.1 200 OK\nA: b\r\n\r\n'],
    ['a bare carriage return', `${OK}A: b\rc\r\n\r\n`],
    ['a chunk that is longer', `${OK}Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n`],
    ['a chunk of no size', `${OK}Transfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n`],
    ['what nobody asked for', `${OK}Content-Length: 0\r\n\r\n${OK}Content-Length: 0\r\n\r\n`],
    ['another protocol', 'HTTP/1.1 101 Switching Protocols\r\n\r\n'],
    ['a head without end', `${OK}${'A: b\r\n'.repeat(20_000)}`],
    ['a line without end', `${OK}Transfer-Encoding: chunked\r\n\r\n${'1'.repeat(9_000)}`],
  ])('are refused: %s', (_, text) => expect(() => read(text)).toThrow(MalformedResponse));
  it.each([`${OK}Content-Length: 3\r\n\r\nab`, OK, '', `${OK}Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n`])(
    'that break off are not whole: %j',
    (text) => {
      const { parser } = listen();
      parser.feed(Buffer.from(text));
      expect(() => parser.finish()).toThrow('breaks off');
    },
  );
  it('are read the same however they are cut', () => {
    const text = `HTTP/1.1 100 Continue\r\n\r\n${OK}Transfer-Encoding: chunked\r\nX: y\r\n\r\n3;a=b\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\nTrailer: x\r\n\r\n`;
    const whole = read(text);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1 }), (sizes) => {
        const { said, parser } = listen();
        for (let at = 0, n = 0; at < text.length; n++) {
          const size = sizes[n % sizes.length]!;
          parser.feed(Buffer.from(text.slice(at, at + size), 'latin1'));
          at += size;
        }
        expect(said).toEqual(whole);
      }),
    );
  });
  it('never make it fail otherwise than it says, whatever comes', () =>
    fc.assert(
      fc.property(fc.array(fc.constantFrom('HTTP/1.1 ', '200', ' OK', '\r\n', '\n', 'A: b', 'Content-Length: 1', 'Transfer-Encoding: chunked', '0', 'a', '\0', ':')), (parts) => {
        try {
          read(parts.join(''));
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedResponse);
        }
      }),
    )); // prettier-ignore
});
