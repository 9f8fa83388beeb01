import { describe, expect, it } from 'vitest';
import { joinPaths, rewriteHtml, rewriteUrl } from './rewrite.ts';
import { sniff } from './sniff.ts';

const AT = { prepend: '/api/v1/namespaces/d/pods/p/proxy', backend: '10.0.0.1:80', requested: 'kube:6443' };

describe('links of what is served through a proxy', () => {
  it.each([
    ['/x', '/api/v1/namespaces/d/pods/p/proxy/x'],
    ['/x/?a=b#c', '/api/v1/namespaces/d/pods/p/proxy/x/?a=b#c'],
    ['http://10.0.0.1:80/x', '/api/v1/namespaces/d/pods/p/proxy/x'],
    ['https://kube:6443/x', 'https://kube:6443/api/v1/namespaces/d/pods/p/proxy/x'],
    ['/api/v1/namespaces/d/pods/p/proxy/x', '/api/v1/namespaces/d/pods/p/proxy/x'],
    ['x', 'x'],
    ['?a', '?a'],
    ['http://elsewhere/x', 'http://elsewhere/x'],
    ['mailto:x@y', 'mailto:x@y'],
    ['//other/x', '//other/x'],
  ])('%s leads to %s', (url, wanted) => {
    expect(rewriteUrl(url, AT)).toBe(wanted);
  });
  it('are found in the attributes that hold links, and nowhere else', () => {
    const html = `<!DOCTYPE html><!-- <a href="/no"> --><script src=/s.js>if (a<b) "<a href='/x'>"</script><A HREF='/x?y=1&amp;z' class=q data-x="/d">t</a><img src="/i"/><b`;
    const to = (path: string): string => `${AT.prepend}${path}`;
    expect(rewriteHtml(html, AT)).toBe(
      `<!DOCTYPE html><!-- <a href="/no"> --><script src="${to('/s.js')}">if (a<b) "<a href='/x'>"</script><a href="${to('/x?y=1&amp;z')}" class="q" data-x="/d">t</a><img src="${to('/i')}"/><b`,
    );
  });
});
it.each([
  ['', 'a/../b//c/', '/b/c/'],
  ['/p', '/', '/p/'],
  ['', '', '/'],
])('paths %j and %j join to %j', (base, path, wanted) => {
  expect(joinPaths(base, path)).toBe(wanted);
});
it.each([
  ['  <html>', 'text/html; charset=utf-8'],
  ['<?xml a', 'text/xml; charset=utf-8'],
  ['abc', 'text/plain; charset=utf-8'],
  ['a\u0000', 'application/octet-stream'],
  ['%PDF-1', 'application/pdf'],
])('%j is %s', (body, type) => {
  expect(sniff(Buffer.from(body))).toBe(type);
});
