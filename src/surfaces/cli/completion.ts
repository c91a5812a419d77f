/** Completion scripts, made from the commands themselves. Raises TIE-1002 for another shell. */

import type { Command } from 'commander'
import { refuse } from '../../base/errors.js'

interface Entry {
  /** Words before the cursor: '' for the first. */
  readonly after: string
  readonly words: readonly string[]
}

function entries(program: Command): Entry[] {
  const flags = (command: Command): string[] =>
    command.options.map(({ long }) => long ?? '').filter((flag) => flag !== '')
  const walk = (command: Command, path: string): Entry[] => [
    { after: path, words: [...command.commands.map((child) => child.name()), ...flags(command)] },
    ...command.commands.flatMap((child) => walk(child, `${path} ${child.name()}`.trim())),
  ]
  return walk(program, '')
}

export function completionScript(program: Command, shell: string): string {
  const list = entries(program)
  switch (shell) {
    case 'bash':
      return bash(list)
    case 'zsh':
      return `autoload -U bashcompinit && bashcompinit\n${bash(list)}`
    case 'fish':
      return fish(list)
    default:
      refuse('TIE-1002', {
        command: 'completion',
        detail: `There is no completion for "${shell}"; shells are bash, zsh and fish.`,
      })
  }
}

function bash(list: readonly Entry[]): string {
  const cases = list.map(({ after, words }) => `    '${after}') words='${words.join(' ')}' ;;`)
  return `_tieout() {
  local path='' word words=''
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) break ;; *) path="\${path:+$path }$word" ;; esac
  done
  case "$path" in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _tieout tieout
`
}

function fish(list: readonly Entry[]): string {
  return list
    .map(({ after, words }) => {
      const condition =
        after === ''
          ? '__fish_use_subcommand'
          : after
              .split(' ')
              .map((word) => `__fish_seen_subcommand_from ${word}`)
              .join('; and ')
      return `complete -c tieout -n '${condition}' -a '${words.join(' ')}'\n`
    })
    .join('')
}
