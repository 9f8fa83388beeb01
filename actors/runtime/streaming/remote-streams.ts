import type { StreamInput, StreamStatus } from '../../../bus/protocol/node.ts';

/** The client's end of a process, whichever protocol carries it. */
export interface RemoteStreams {
  /** What the client types and says of its terminal, in order, read at the pace of who takes it; ends when the client is gone. */
  readonly input: AsyncIterable<StreamInput>;
  /** Resolves when the client may be sent more. What it did not ask for is thrown away. */
  write(stream: 'stdout' | 'stderr', bytes: Uint8Array): Promise<void>;
  /** Tells how it went, and that this was all. */
  finish(status: StreamStatus): Promise<void>;
  /** Resolves when the client is gone, even if what it typed is still to be read. */
  readonly gone: Promise<unknown>;
  /** Breaks the connection off. */
  abort(): void;
}
/** Which of them the client asked for. */
export interface Wanted {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}
