import { expect, it } from 'vitest';
import { namesIn } from './load.ts';

it.each([
  ['1.6', 'unpacking registry.local/web:1 (sha256:00)...done\nunpacking registry.local/store:1 (sha256:01)...done\n'],
  ['2', 'registry.local/web:1                    \tsaved\t\napplication/vnd.oci.image.manifest.v1+json sha256:00\nregistry.local/store:1 \tsaved\t\nImporting\telapsed: 0.6 s\ttotal:   0.0 B\t(0.0 B/s)\t'],
])('what ctr of containerd %s has brought', (_version, said) => expect(namesIn(said)).toEqual(['registry.local/web:1', 'registry.local/store:1'])); // prettier-ignore
