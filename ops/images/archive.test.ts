import { spawnSync } from 'node:child_process';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readArchive } from './archive.ts';
import { ociArchive, pauseArchive, PAUSE_IMAGE } from './oci.ts';
import { tar, untar } from './tar.ts';

const json = (path: string, value: unknown) => ({ path, type: 'file' as const, content: Buffer.from(JSON.stringify(value)) }); // prettier-ignore

describe('an archive of images', () => {
  it.each(['amd64', 'arm64'] as const)('of the pause program for %s names it', (architecture) => {
    expect(readArchive(pauseArchive(architecture))).toEqual({ format: 'oci', names: [PAUSE_IMAGE] });
  });
  it('is the same bytes for the same image', () => expect(pauseArchive('amd64')).toEqual(pauseArchive('amd64')));
  it('has all names of an image', () => {
    const names = ['a.example/x:1', 'a.example/x:latest'];
    const archive = ociArchive({ names, architecture: 'amd64', files: [], config: {} });
    expect(readArchive(gzipSync(archive))).toEqual({ format: 'oci', names });
  });
  it.each([
    ['what docker saves', tar([json('manifest.json', [{ RepoTags: ['web:1'] }])]), { format: 'docker', names: ['web:1'] }],
    ['what docker saves without a name', tar([json('manifest.json', [{ RepoTags: null }])]), { format: 'docker', names: [] }],
    [
      'both in one',
      tar([json('index.json', { manifests: [{ digest: 'x' }] }), json('manifest.json', [{ RepoTags: ['web:1'] }])]),
      { format: 'oci', names: ['web:1'] },
    ],
  ])('%s is read', (_, bytes, expected) => expect(readArchive(bytes)).toEqual(expected)); // prettier-ignore
  it.each([
    ['nothing', Buffer.alloc(0), 'it holds no image'],
    ['no archive', Buffer.alloc(600, 'x'), 'it is no tar archive'],
    ['one that ends early', tar([{ path: 'a', type: 'file', content: Buffer.alloc(5000) }]).subarray(0, 1024), 'it is cut off'],
    ['one that ends between two files', pauseArchive('amd64').subarray(0, 3000), 'it is cut off'],
    ['an index that is no JSON', tar([{ path: 'index.json', type: 'file', content: Buffer.from('{') }]), 'its index.json is not readable as JSON'],
  ])('%s is refused with the reason', (_, bytes, why) => expect(() => readArchive(bytes)).toThrow(why)); // prettier-ignore
});

describe('tar', () => {
  const path = fc
    .array(fc.stringMatching(/^[a-z0-9._-]{1,60}$/), { minLength: 1, maxLength: 4 })
    .map((parts) => parts.map((p) => `p${p}`).join('/'));
  it('gives back what was put in, however long the names', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.tuple(path, fc.uint8Array({ maxLength: 1500 })), { maxLength: 6, selector: ([p]) => p }), (files) => {
        const archive = tar(files.map(([p, content]) => ({ path: p, type: 'file', content })));
        expect([...untar(archive)].map((f) => [f.path, new Uint8Array(f.content)])).toEqual(files);
      }),
    );
  }); // prettier-ignore
  it('is what tar itself lists', () => {
    const long = `${'d'.repeat(90)}/${'f'.repeat(90)}`;
    const archive = tar([{ path: 'bin', type: 'folder' }, { path: 'bin/sh', type: 'link', target: `/${'t'.repeat(120)}` }, { path: long, type: 'file', mode: 0o755, content: Buffer.from('x') }]); // prettier-ignore
    const { stdout } = spawnSync('tar', ['-tf', '-'], { input: archive });
    expect(stdout.toString().trim().split('\n')).toEqual(['bin/', 'bin/sh', long]);
  });
});
