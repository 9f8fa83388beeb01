import type { World } from '../../../bus/world.ts';
import { expand } from '../../kubelet/environment/expansion.ts';
import { environmentOf } from './environment.ts';
import { Files, type Whose } from './files.ts';
import type { Course, Write } from './course.ts';
import { courseOf } from './shell.ts';
import { NotUnderstood } from './shell-syntax.ts';

export interface Commands {
  /**
   * What a command would do in the container; undefined: it is not understood. `isAll`: so is the container's own command, and
   * files that it has not made are not there.
   */
  course(argv: readonly string[], whose: Whose & { readonly podIP: string | undefined }, isAll: boolean): Course | undefined; // prettier-ignore
  write(whose: Whose, write: Write): void;
  /** What the container has left to say when it ended. */
  lastWords(whose: Whose): string;
  /** The files of a container (by its id) or of a pod (by its uid) are gone. */
  forget(owner: string): void;
}
/** Source: the kubelet's MaxContainerTerminationMessageLength. */
const MOST_WORDS = 4_096;

/** The commands of one node's simulated containers, and the files by which they know of each other. */
export function createCommands({ random }: World): Commands {
  const files = new Files();
  return {
    course(argv, whose, isAll) {
      const { values, isUnknown } = environmentOf(whose.pod, whose.container, whose.podIP);
      const variable = (name: string): string => {
        if (isUnknown(name)) throw new NotUnderstood(name);
        return values.get(name) ?? '';
      };
      return courseOf(
        argv.map((text) => expand(text, values)),
        { variable, read: (path) => files.read(whose, path, isAll), random: () => random() },
      );
    },
    write(whose, { path, text }) {
      files.write(whose, path, text);
    },
    lastWords(whose) {
      const path = whose.container.terminationMessagePath ?? '/dev/termination-log';
      return files.find(whose, path)?.slice(0, MOST_WORDS) ?? '';
    },
    forget: (owner) => files.forget(owner),
  };
}
