import type { Session } from '../../../bus/bus.ts';
import { STREAM, type StreamOutput, type StreamStatus } from '../../../bus/protocol/node.ts';
import type { World } from '../../../bus/world.ts';
import type { RemoteStreams } from './remote-streams.ts';

const PATIENCE_MS = 5_000;

/** Carries both ways until the process has ended or the client is gone; never rejects. */
export async function run({ clock }: Pick<World, 'clock'>, session: Session, streams: RemoteStreams): Promise<void> {
  const typed = type(session, streams).catch(() => session.close());
  void streams.gone.then(() => session.close());
  let told: StreamStatus | undefined;
  for await (const frame of session.frames()) {
    const [channel, body] = frame as StreamOutput;
    if (channel === STREAM.status) await streams.finish((told = body));
    else await streams.write(channel === STREAM.stdout ? 'stdout' : 'stderr', body);
  }
  const status = await session.closed;
  if (told === undefined) await streams.finish(status ?? { metadata: {}, status: 'Success' });
  // The client is to close the connection: were it broken off here, what is on its way would be lost.
  const late = clock.setTimeout(() => streams.abort(), PATIENCE_MS);
  await typed;
  clock.clearTimeout(late);
}
async function type(session: Session, { input }: RemoteStreams): Promise<void> {
  // What the client still says when the process has ended is read, and thrown away.
  for await (const item of input) if (!session.signal.aborted) await session.send(item).catch(() => {});
  session.close();
}
