import type {
  ActorAddress,
  ActorPage,
  ActorQuery,
  Command,
  CommandResult,
  ComponentInfo,
  CountRow,
  ServerMessage,
} from './protocol.ts';

/** What is told to every stream alike. */
export type Told = Exclude<ServerMessage, { type: 'hello' }>;
export type Emit = (message: Told) => void;

/** Where actors come from: the cluster itself, or programs that send their frames. */
export interface Feed {
  components(): readonly ComponentInfo[];
  counts(): readonly CountRow[];
  /** From now on these are told of one by one, and no others. */
  follow(actors: readonly ActorAddress[]): void;
  list(query: ActorQuery): Promise<ActorPage>;
  /** Rejects with ApiError. */
  command(command: Command): Promise<CommandResult>;
}
