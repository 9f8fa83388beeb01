import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { createApiClient } from '../../../actors/runtime/client.ts';
import { nodes as nodesResource } from '../../../actors/runtime/resources.ts';
import type { Bus } from '../../../bus/bus.ts';
import { NODE_SILENCE_MS, type LoadAnswer, type LoadRequest } from '../../../bus/protocol/node.ts';
import * as subjects from '../../../bus/subjects.ts';
import type { Node } from '../../../schemas/generated/core-v1.ts';
import { ApiError, reasonOf, toStatus } from '../../../schemas/meta/status.ts';
import { folderOfCluster } from '../../cluster/config.ts';
import { connectTool } from '../../cluster/connect.ts';
import { readArchive } from '../../images/archive.ts';
import { isGzip } from '../../images/tar.ts';
import { print, printError, printJson, Progress, UserError } from '../output.ts';

interface LoadOptions {
  readonly name: string;
  readonly data?: string;
  readonly node?: readonly string[];
  readonly output: 'text' | 'json';
}
/** Small, since credit counts frames: 2 MB at most are under way, and signs of life do not wait behind more. */
const FRAME_BYTES = 8 * 1024;
/** Until a node says that it is there. */
const PATIENCE_MS = 5_000;
const ATTEMPTS = 3;

/** Brings the images of archives to the nodes of a running cluster. */
export async function load(files: readonly string[], options: LoadOptions): Promise<void> {
  const archives = files.map((file) => ({ file, ...opened(file) }));
  const { bus, world } = await connectTool(folderOfCluster(options).paths, 'admin');
  const results: { node: string; archive: string; images?: readonly string[]; error?: string }[] = [];
  try {
    const nodes = await wanted(createApiClient(bus, world, 'admin'), options);
    const progress = new Progress(options.output === 'json');
    for (const { file, bytes, names } of archives) {
      await progress.step(`${file} (${megabytes(bytes.length)}) to ${nodes.length === 1 ? nodes[0] : `${nodes.length} nodes`}`, () =>
        Promise.all(nodes.map(async (node) => {
            try {
              results.push({ node, archive: file, images: await patiently(() => send(bus, node, bytes, names)) });
            } catch (error) {
              results.push({ node, archive: file, error: toStatus(error).message ?? 'it does not say why' });
            }
          })),
      ); // prettier-ignore
    }
  } finally {
    await bus.drain();
  }
  const failed = results.filter(({ error }) => error !== undefined);
  if (options.output === 'json') printJson({ name: options.name, results });
  else {
    print([...new Set(results.flatMap(({ images = [] }) => images))].join('\n'));
    for (const { node, archive, error } of failed) printError(`kubus: ${archive} is not on node ${node}: ${error}`);
  }
  if (failed.length > 0) process.exitCode = 1;
}
const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

/** Thrown: UserError with what is wrong with it. Gzip is taken off here, since not every runtime does. */
function opened(file: string): { readonly bytes: Uint8Array; readonly names: readonly string[] } {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    throw new UserError(`${file} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
  try {
    if (isGzip(bytes)) bytes = gunzipSync(bytes);
    const { names } = readArchive(bytes);
    if (names.length > 0) return { bytes, names };
  } catch (error) {
    throw new UserError(`${file} is no archive of images: ${(error as Error).message}`);
  }
  throw new UserError(
    `the images in ${file} have no names, so no pod could ask for them: save them by name, as in docker save web:1 > web.tar`,
  );
}
async function wanted(client: ReturnType<typeof createApiClient>, { name, node = [] }: LoadOptions): Promise<string[]> {
  const { items } = await client.list<Node>(nodesResource);
  const known = items.map(({ metadata }) => metadata.name!);
  const stranger = node.find((n) => !known.includes(n));
  if (stranger !== undefined)
    throw new UserError(`there is no node "${stranger}": see kubus kubectl --name ${name} get nodes`);
  if (known.length === 0) throw new UserError(`cluster "${name}" has no nodes: kubus scale nodes=1 --name ${name}`);
  return node.length > 0 ? [...new Set(node)] : known;
}
/** A node that is so busy that it does not show a sign of life in time may have it the next time; it is the same archive. */
async function patiently<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (attempt === ATTEMPTS || reasonOf(error) !== 'ServiceUnavailable') throw error;
    }
  }
}
async function send(bus: Bus, node: string, bytes: Uint8Array, names: readonly string[]): Promise<readonly string[]> {
  const request: LoadRequest = { bytes: bytes.length, names };
  const session = await bus.open(subjects.node(node, 'load'), request, {
    timeoutMs: PATIENCE_MS,
    silenceMs: NODE_SILENCE_MS,
  });
  const answer = (async (): Promise<LoadAnswer> => {
    for await (const frame of session.frames()) return frame as LoadAnswer;
    const status = await session.closed;
    throw status === undefined ? new ApiError('ServiceUnavailable', 'the node went away') : ApiError.from(status);
  })();
  answer.catch(() => undefined);
  try {
    for (let at = 0; at < bytes.length; at += FRAME_BYTES) await session.send(bytes.subarray(at, at + FRAME_BYTES));
  } catch {
    // The node ended it: its answer says why.
  }
  return (await answer).images;
}
