import { Help, type Command, type Option } from 'commander';
import { SCALABLE } from '../../process/replicas.ts';
import { COMPONENTS } from '../../process/spec.ts';
import { print } from '../output.ts';

/** What stands in the place of a command's argument, where commander does not know it. */
const WORDS: Readonly<Record<string, readonly string[]>> = {
  run: COMPONENTS,
  scale: [...SCALABLE, 'nodes'].map((name) => `${name}=`),
  restart: SCALABLE,
};
/** A place of the command tree, and what may come next. */
interface Place {
  /** The words that lead there, each after a space (` token create`); empty for the program itself. */
  readonly path: string;
  readonly command: Command;
  readonly subcommands: readonly Command[];
  readonly words: readonly string[];
  readonly options: readonly Option[];
}
const help = new Help();
function placesOf(command: Command, path = '', siblings: readonly Command[] = []): Place[] {
  const subcommands = help.visibleCommands(command);
  const words = [
    ...(WORDS[path.slice(1)] ?? []),
    ...command.registeredArguments.flatMap(({ argChoices = [] }) => argChoices),
    ...(command.name() === 'help' ? siblings.map((c) => c.name()) : []),
  ];
  const options = help.visibleOptions(command).filter(({ long }) => long !== undefined);
  return [
    { path, command, subcommands, words, options },
    ...subcommands.flatMap((c) => placesOf(c, `${path} ${c.name()}`, subcommands)),
  ];
}
const isName = ({ long }: Option): boolean => long === '--name';
const flags = ({ long, short }: Option): string[] => [long, short].filter((flag) => flag !== undefined);
/** Names of the clusters of this machine, asked when somebody completes. */
const NAMES = `kubus list -o json 2>/dev/null | sed -n 's/^ *"name": "\\(.*\\)",/\\1/p'`;

/** A completion script, made from the command tree itself so that it cannot go stale. */
export function completion(shell: 'bash' | 'zsh' | 'fish', program: Command): void {
  const places = placesOf(program);
  print(shell === 'fish' ? fish(places) : posix(shell, places));
}

/** bash and zsh differ in how they tell what was typed, and in how they are answered. */
function posix(shell: 'bash' | 'zsh', places: readonly Place[]): string {
  const isBash = shell === 'bash';
  const word = (at: string): string => (isBash ? `\${COMP_WORDS[${at}]}` : `\${words[${at}]}`);
  const [first, current] = isBash ? [1, 'COMP_CWORD'] : [2, 'CURRENT'];
  const inner = places.filter(({ path }) => path !== '').map(({ path }) => `'${path}'`);
  // The last argument decides; what no case knows is a file.
  const values = places.flatMap(({ path, options }) =>
    options.flatMap((option) => {
      const keys = flags(option).map((flag) => `'${path} ${flag}'`).join(' | '); // prettier-ignore
      if (isName(option)) return `    ${keys}) candidates=$(${NAMES}) ;;`;
      if (option.argChoices !== undefined) return `    ${keys}) candidates='${option.argChoices.join(' ')}' ;;`;
      // Its value is for the user to say, or a file.
      return option.required ? `    ${keys}) candidates= ;;` : [];
    }),
  );
  const next = places.map(({ path, subcommands, words, options }) => {
    const all = [
      ...subcommands.map((c) => c.name()),
      ...words,
      ...(path === '' ? [] : options.map(({ long }) => long)),
    ];
    return `      '${path}') candidates='${all.join(' ')}' ;;`;
  });
  const answer = isBash
    ? `  COMPREPLY=($(compgen -W "$candidates" -- "${word(current)}"))`
    : `  if [[ -n $candidates ]]; then compadd -- \${=candidates}; else _files; fi`;
  return `${isBash ? '' : '#compdef kubus\n'}_kubus() {
  local place='' candidates='' i
  for ((i = ${first}; i < ${current}; i++)); do
    case "$place ${word('i')}" in
      ${inner.join(' | ')}) place="$place ${word('i')}" ;;
    esac
  done
  case "$place ${word(`${current} - 1`)}" in
${values.join('\n')}
    *) case "$place" in
${next.join('\n')}
    esac ;;
  esac
${answer}
}
${isBash ? 'complete -o default -F _kubus kubus ./kubus' : 'compdef _kubus kubus'}`;
}

function fish(places: readonly Place[]): string {
  const quote = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
  return places
    .flatMap(({ path, subcommands, words, options }) => {
      // As `__fish_use_subcommand`, one level down.
      const typed = path.split(' ').slice(1);
      const here = [
        ...typed.map((name) => `__fish_seen_subcommand_from ${name}`),
        ...(subcommands.length > 0 ? [`not __fish_seen_subcommand_from ${subcommands.map((c) => c.name()).join(' ')}`] : []), // prettier-ignore
      ].join('; and ');
      const line = `complete -c kubus -n ${quote(path === '' ? '__fish_use_subcommand' : here)}`;
      return [
        ...subcommands.map((c) => `${line} -f -a ${c.name()} -d ${quote(c.summary() || c.description())}`),
        ...(words.length > 0 ? [`${line} -f -a ${quote(words.join(' '))}`] : []),
        ...options.map((option) => {
          const short = option.short === undefined ? '' : ` -s ${option.short.slice(1)}`;
          const values = isName(option) ? `(${NAMES})` : option.argChoices?.join(' ');
          const value = values === undefined ? (option.required ? ' -r' : '') : ` -x -a ${quote(values)}`;
          return `${line} -l ${option.long!.slice(2)}${short}${value} -d ${quote(option.description)}`;
        }),
      ];
    })
    .join('\n');
}
