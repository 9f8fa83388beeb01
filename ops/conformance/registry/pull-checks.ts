import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually, type TestCluster } from '../../testing/cluster.ts';
import type { Check } from '../real-nodes/checks.ts';
import type { Front } from './front.ts';
import { at, HOSTS, NO_PORT, PORT } from './names.ts';
import { expectText, must, placeOf, podsOf } from './pods.ts';

/** containerd is told who vouches for hosts, in the folder where people tell it. */
export function trust(folder: string, ca: string, ...hosts: string[]): void {
  for (const host of hosts) {
    const place = join(folder, `${host}:${PORT}`);
    mkdirSync(place, { recursive: true });
    writeFileSync(join(place, 'ca.crt'), ca);
    writeFileSync(join(place, 'hosts.toml'), `server = "https://${host}:${PORT}"\nca = "${join(place, 'ca.crt')}"\n`);
  }
} // prettier-ignore

/** What is pulled, with which credentials, and what is said where it cannot be. `digest`: of the image `app:1`. */
export function pullChecks(cluster: TestCluster, front: Front, digest: string, certs: string): Check[] {
  const pods = podsOf(cluster);
  const { run, ready, waits, heard, end, secret } = pods;
  return [
    {
      name: 'by tag and by digest, from a registry that lets everybody',
      work: async () => {
        await run('tag', { image: at('open', 'app:1') });
        await run('digest', { image: at('open', `app@${digest}`) });
        const { imageID } = await ready('tag', 'digest');
        must(imageID.endsWith(`@${digest}`), imageID);
        must((await pods.seen('digest')).imageID === imageID, 'another image by digest');
        await heard('tag', /^Pulling: Pulling image "open\.registry\.test:5443\/app:1"$/, /^Pulled: Successfully pulled image "open\.registry\.test:5443\/app:1" in \S+ \(\S+ including waiting\)\. Image size: \d+ bytes\.$/); // prettier-ignore
        await end('tag', 'digest');
      },
    },
    {
      name: 'with a Secret of the pod, of its service account, of the old form; by wildcard, path and port',
      work: async () => {
        await secret('of-host', [`https://${placeOf(HOSTS.basic)}/v1/`]);
        await secret('old', [placeOf(HOSTS.basic, '/old')], { old: true });
        await secret('wild', [`*.wild.registry.test:${PORT}`]);
        await secret('path', [placeOf(HOSTS.basic, '/team')]);
        await secret('no-port', [HOSTS.basic]);
        await pods.apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'puller' }, imagePullSecrets: [{ name: 'old' }] }); // prettier-ignore
        await run('a', { image: at('basic', 'app:1'), secrets: ['of-host'] });
        await run('b', { image: at('basic', 'old/app:1'), account: 'puller' });
        await run('c', { image: `r1.wild.registry.test:${PORT}/app:1`, secrets: ['wild'] });
        await run('d', { image: at('basic', 'team/app:1'), secrets: ['no-port', 'path'] });
        await run('e', { image: at('basic', 'other/app:1'), secrets: ['path', 'no-port'] });
        await ready('a', 'b', 'c', 'd');
        expectText((await waits('e', 'ImagePullBackOff')).message, /401 Unauthorized|no basic auth credentials/);
        await end('a', 'b', 'c', 'd', 'e');
      },
    },
    {
      name: 'from a registry that wants a token, which another host gives',
      work: async () => {
        await secret('token', [placeOf(HOSTS.bearer)]);
        await run('bearer', { image: at('bearer', 'app:1'), secrets: ['token'] });
        await run('nobody', { image: at('bearer', 'other/app:1') });
        await ready('bearer');
        must(
          front.asked.some((line) => line.includes(` ${HOSTS.tokens}/token`)),
          'nobody asked for a token',
        );
        expectText((await waits('nobody', 'ImagePullBackOff')).message, /failed to authorize: failed to fetch anonymous token: .*401 Unauthorized/); // prettier-ignore
        await end('bearer', 'nobody');
      },
    },
    {
      name: 'wrong words, no such image, nobody there: what pods and events say',
      work: async () => {
        await secret('wrong', [placeOf(HOSTS.basic)], { password: 'wrong' });
        await run('wrong', { image: at('basic', 'other/app:1'), secrets: ['wrong', 'missing'] });
        await run('absent', { image: at('open', 'absent:1') });
        await run('gone', { image: `${HOSTS.open}:${NO_PORT}/app:1` });
        const wrong = await waits('wrong', 'ImagePullBackOff');
        const image = at('basic', 'other/app:1');
        expectText(wrong.message, new RegExp(`^Back-off pulling image "${image}": ErrImagePull: failed to pull and unpack image "${image}": failed to resolve .*401 Unauthorized`)); // prettier-ignore
        await heard(
          'wrong',
          new RegExp(`^Failed: Failed to pull image "${image}": failed to pull and unpack image `),
          /^Failed: Error: ErrImagePull$/,
          new RegExp(`^BackOff: Back-off pulling image "${image}"$`),
          /^Failed: Error: ImagePullBackOff$/,
          /^FailedToRetrieveImagePullSecret: Unable to retrieve some image pull secrets \(missing\); attempting to pull the image may not succeed\.$/,
        ); // prettier-ignore
        expectText((await waits('absent', 'ImagePullBackOff')).message, /rpc error: code = NotFound desc = failed to pull and unpack image ".*": failed to resolve .*: not found$/); // prettier-ignore
        expectText((await waits('gone', 'ImagePullBackOff')).message, /connect: connection refused/);
        // Who puts it right need not wait for the pod to be made anew.
        await secret('wrong', [placeOf(HOSTS.basic)]);
        await ready('wrong');
        await end('wrong', 'absent', 'gone');
      },
    },
    {
      name: 'a registry that an authority of its own vouches for, once containerd is told',
      work: async () => {
        await run('strange', { image: at('strange', 'team/app:1'), secrets: ['for-strange'] });
        await secret('for-strange', [placeOf(HOSTS.strange)]);
        expectText(
          (await waits('strange', 'ImagePullBackOff')).message,
          /x509: certificate signed by unknown authority/,
        );
        trust(certs, front.ca, HOSTS.strange);
        await ready('strange');
        await end('strange');
      },
    },
    {
      name: 'Never, IfNotPresent and Always',
      work: async () => {
        const image = at('open', 'policy:1');
        const asked = (): number => front.asked.filter((line) => line.includes('/policy/')).length;
        await run('never', { image, policy: 'Never' });
        const { message } = await waits('never', 'ErrImageNeverPull');
        must(message === `Container image "${image}" is not present with pull policy of Never`, message);
        await run('first', { image });
        await ready('first', 'never');
        const before = asked();
        await run('second', { image });
        await ready('second');
        must(asked() === before, 'IfNotPresent asked the registry');
        await heard('second', /^Pulled: Container image ".*" already present on machine and can be accessed by the pod$/m); // prettier-ignore
        await run('always', { image, policy: 'Always' });
        await ready('always');
        must(asked() > before, 'Always did not ask the registry');
        await end('never', 'first', 'second', 'always');
      },
    },
    {
      name: 'a few at once; a pull ends with its pod',
      work: async () => {
        await secret('slow', [placeOf(HOSTS.slow)]);
        front.pace = 100_000;
        const names = Array.from({ length: 6 }, (_, i) => `slow-${i}`);
        for (const [i, name] of names.entries())
          await run(name, { image: at('slow', `big-${i}:1`), secrets: ['slow'] });
        const reading = (): number => front.reading.get(HOSTS.slow) ?? 0;
        // Of five pulls; containerd 2 reads no more layers at once than this.
        await eventually('layers are read', () => (reading() >= 3 ? true : undefined));
        await end(...names.slice(1));
        await eventually('one layer is read', () => (reading() === 1 ? true : undefined));
        front.pace = 0;
        await ready(names[0]!);
        must(front.most <= 5, `${front.most} at once`);
        await end(names[0]!);
      },
    },
    {
      name: 'an image that is a volume, with the pod’s Secret',
      work: async () => {
        await run('volume', { image: at('open', 'app:1'), secrets: ['of-host'], volume: at('basic', 'volume/data:1') });
        await ready('volume');
        const text = await cluster.kubectl(['exec', 'volume', '--', 'cat', '/image/note']);
        must(text === 'in an image\n', text);
        await end('volume');
      },
    },
  ];
}
