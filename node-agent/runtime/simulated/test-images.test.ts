import { expect, it } from 'vitest';
import { testImagePort } from './test-images.ts';

const AGNHOST = 'registry.k8s.io/e2e-test-images/agnhost:2.63.0';
it.each([
  [['netexec'], 8080],
  [['netexec', '--http-port=80', '--udp-port=81'], 80],
  [['netexec', '--http-port', '81'], 81],
  [['netexec', '-http-port=82'], 82],
  [['serve-hostname'], 9376],
  [['serve-hostname', '--http=false', '--tcp', '--port', '80'], 80],
  [['pause'], undefined],
  [[], undefined],
])('agnhost %j listens on %s', (args, port) => {
  expect(testImagePort({ name: 'c', image: AGNHOST, args })).toBe(port);
  expect(testImagePort({ name: 'c', image: AGNHOST, command: ['/agnhost'], args })).toBe(port);
  expect(testImagePort({ name: 'c', image: 'nginx', args })).toBeUndefined();
});
