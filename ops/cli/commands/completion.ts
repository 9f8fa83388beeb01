import type { Command } from 'commander';
import { SCALABLE } from '../../process/replicas.ts';
import { COMPONENTS } from '../../process/spec.ts';
import { print, UserError } from '../output.ts';

/** What stands in the place of a command's argument, where that is known. */
const WORDS: Readonly<Record<string, readonly string[]>> = {
  run: COMPONENTS,
  scale: [...SCALABLE, 'nodes'].map((name) => `${name}=`),
  restart: SCALABLE,
  completion: ['bash', 'zsh', 'fish'],
};
const wordsOf = (c: Command): readonly string[] => WORDS[c.name()] ?? [];

/** Completion scripts made from the command tree itself, so that they cannot go stale. */
export function completion(shell: string, program: Command): void {
  const commands = program.commands.filter((c) => !(c as unknown as { _hidden: boolean })._hidden);
  const flags = (c: Command): string[] => c.options.filter((o) => !o.hidden && o.long).map((o) => o.long!);
  if (shell === 'bash') {
    print(`_kubus() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" cmd="\${COMP_WORDS[1]}"
  if [ "$COMP_CWORD" -eq 1 ]; then COMPREPLY=($(compgen -W "${commands.map((c) => c.name()).join(' ')} help" -- "$cur")); return; fi
  if [ "\${COMP_WORDS[COMP_CWORD-1]}" = --name ] || [ "\${COMP_WORDS[COMP_CWORD-1]}" = -n ]; then COMPREPLY=($(compgen -W "$(kubus list -o json 2>/dev/null | sed -n 's/^ *"name": "\\(.*\\)",/\\1/p')" -- "$cur")); return; fi
  case "$cmd" in
${commands.map((c) => `    ${c.name()}) COMPREPLY=($(compgen -W "${[...wordsOf(c), ...flags(c)].join(' ')}" -- "$cur")) ;;`).join('\n')}
  esac
}
complete -o default -F _kubus kubus ./kubus`);
  } else if (shell === 'zsh') {
    print(`#compdef kubus
_kubus() {
  local -a commands
  commands=(${commands.map((c) => `'${c.name()}:${c.description().replaceAll("'", '').replaceAll(':', '')}'`).join(' ')})
  if (( CURRENT == 2 )); then _describe command commands; return; fi
  case "$words[2]" in
${commands
  .map(
    (c) =>
      `    ${c.name()}) _arguments ${flags(c)
        .map((f) => `'${f}'`)
        .join(' ')} ${wordsOf(c).length > 0 ? `'*:argument:(${wordsOf(c).join(' ')})'` : "'*:file:_files'"} ;;`,
  )
  .join('\n')}
  esac
}
compdef _kubus kubus`);
  } else if (shell === 'fish') {
    for (const c of commands) {
      print(`complete -c kubus -n __fish_use_subcommand -a ${c.name()} -d '${c.description().replaceAll("'", '')}'`);
      if (wordsOf(c).length > 0)
        print(`complete -c kubus -f -n '__fish_seen_subcommand_from ${c.name()}' -a '${wordsOf(c).join(' ')}'`);
      for (const o of c.options)
        if (!o.hidden && o.long)
          print(
            `complete -c kubus -n '__fish_seen_subcommand_from ${c.name()}' -l ${o.long.slice(2)} -d '${o.description.replaceAll("'", '')}'`,
          );
    }
  } else throw new UserError(`no completion for "${shell}": choose bash, zsh or fish`, 2);
}
