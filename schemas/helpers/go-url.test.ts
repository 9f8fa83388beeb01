import { describe, expect, it } from 'vitest';
import { parseGoUrl } from './go-url.ts';

describe('URLs as Go reads them', () => {
  it.each([
    ['https://example.com/x', { scheme: 'https', host: 'example.com', user: undefined, query: '', fragment: '' }],
    ['HTTPS://u:p@h:1/x?q#f', { scheme: 'https', host: 'h:1', user: 'u:p', query: 'q', fragment: 'f' }],
    ['/x', { scheme: '', host: '', user: undefined, query: '', fragment: '' }],
    ['a b', { scheme: '', host: '', user: undefined, query: '', fragment: '' }],
    ['mailto:x', { scheme: 'mailto', host: '', user: undefined, query: '', fragment: '' }],
    ['https://[::1]:8/', { scheme: 'https', host: '[::1]:8', user: undefined, query: '', fragment: '' }],
    ['50%', 'parse "50%": invalid URL escape "%"'],
    ['2020-01-02T03:04:05Z', 'parse "2020-01-02T03:04:05Z": first path segment in URL cannot contain colon'],
    [':x', 'parse ":x": missing protocol scheme'],
    ['https://a b/', 'parse "https://a b/": invalid character " " in host name'],
    ['https://a:b/', 'parse "https://a:b/": invalid port ":b" after host'],
    ['https://a:1:2/', 'parse "https://a:1:2/": invalid port ":1:2" after host'],
    ['https://[::1', 'parse "https://[::1": missing \']\' in host'],
  ])('%s', (text, wanted) => {
    expect(parseGoUrl(text)).toEqual(wanted);
  }); // prettier-ignore
});
