import type { Container } from '../../../schemas/generated/core-v1.ts';

/** Commands of Kubernetes' own test images: the flag that names the port, and the port without it. Source: test/images/agnhost. */
const COMMANDS: Readonly<Record<string, readonly [flag: string, port: number]>> = {
  netexec: ['http-port', 8080],
  'serve-hostname': ['port', 9376],
};
/** The TCP port on which a test image listens though its container need not declare it. */
export function testImagePort({ image = '', command = [], args = [] }: Container): number | undefined {
  if (!image.includes('agnhost')) return undefined;
  const words = [...command, ...args];
  const at = words.findIndex((word) => Object.hasOwn(COMMANDS, word));
  if (at < 0) return undefined;
  const [flag, port] = COMMANDS[words[at]!]!;
  const pattern = new RegExp(`^--?${flag}(?:=(\\d+))?$`);
  for (const [i, word] of words.entries()) {
    const found = pattern.exec(word);
    if (i > at && found) return Number(found[1] ?? words[i + 1]) || port;
  }
  return port;
}
