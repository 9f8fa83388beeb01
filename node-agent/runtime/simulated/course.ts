/** What a simulated container finds where it runs. */
export interface Surroundings {
  /** Throws NotUnderstood for one that nobody here knows. */
  variable(name: string): string;
  /** What a file holds; undefined: there is none. Paths are absolute. Throws NotUnderstood where nobody here knows. */
  read(path: string): string | undefined;
  /** From 0 up to 1. */
  random(): number;
}
/** What a script would do, worked out ahead; all times in ms from its start. */
export interface Course {
  /** undefined: never, by itself. */
  readonly exitAfterMs?: number | undefined;
  readonly exitCode: number;
  readonly lines: readonly Line[];
  /** The lines from this one on come again and again, ever so many ms later. */
  readonly loop?: { readonly from: number; readonly everyMs: number } | undefined;
  readonly writes: readonly Write[];
  /** What it does when it is told to end; undefined: nothing of its own. */
  readonly onTerm?: (() => Pick<Course, 'exitAfterMs' | 'exitCode'>) | undefined;
}
export interface Line {
  readonly atMs: number;
  readonly text: string;
  /** It ends without a line's end. */
  readonly isOpen?: boolean;
}
export interface Write {
  readonly atMs: number;
  readonly path: string;
  /** undefined: the file is removed. */
  readonly text: string | undefined;
}
