import { describe, expect, it } from 'vitest';
import { pickMirror } from './debian.ts';

/** Pitfall 24 of the notes on JetStream: the first source line of apt may belong to another vendor. */
describe('pitfall 24: the mirror of Debian', () => {
  it.each<[string, string, string, string]>([
    ['is the one whose origin is Debian', 'https://vendor.example.com/linux/debian Docker\nhttp://mirror.example.org/debian Debian\n', '', 'http://mirror.example.org/debian'],
    ['is the first of several', 'http://a/debian Debian\nhttp://b/debian Debian\n', '', 'http://a/debian'],
    ['keeps its path', 'http://proxy:3142/mirror/debian/ Debian\n', '', 'http://proxy:3142/mirror/debian/'],
    ['comes from the sources before the first apt-get update', '', 'deb https://packages.example.com/apt stable main\ndeb http://mirror.example.org/debian bookworm main\n', 'http://mirror.example.org/debian'],
    ['comes from deb822 sources as well', '', 'Types: deb\nURIs: https://mirror.example.com/debian/\nSuites: trixie\n', 'https://mirror.example.com/debian/'],
    ['is none that is commented out', '', '# deb http://old.example.com/debian x main\n deb http://new.example.com/debian x main', 'http://new.example.com/debian'],
    ['is not the security archive', '', 'deb http://security.example.org/debian-security x main\ndeb http://mirror.example.org/debian x main', 'http://mirror.example.org/debian'],
    ['is none of another vendor that merely ends alike', 'https://vendor.example.com/linux/debian Docker\n', 'deb http://mirror.example.org/debian x main', 'http://mirror.example.org/debian'],
    ['is https as well', '', 'deb [signed-by=/k.gpg arch=amd64] https://mirror.example.org/debian trixie main contrib', 'https://mirror.example.org/debian'],
  ])('%s', (_name, targets, sources, mirror) => expect(pickMirror(targets, sources)).toBe(mirror)); // prettier-ignore
  it.each([
    ['nothing at all', '', ''],
    ['only other vendors', 'https://vendor.example.com/linux/ubuntu Docker\n', 'deb https://archive.ubuntu.com/ubuntu noble main'],
  ])('is missing where there is %s', (_name, targets, sources) =>
    expect(() => pickMirror(targets, sources)).toThrow('apt knows no Debian mirror')); // prettier-ignore
});
