import { readFileSync } from 'node:fs'
import { isatty } from 'node:tty'

/**
 * True when Ctrl-C in the terminal reaches this process and its children, because they are in the process group that the terminal has
 * in its foreground. Where the system does not tell, a terminal as stdin, stdout or stderr counts as that.
 */
export function isInForeground(): boolean {
  let stat: string
  try {
    stat = readFileSync('/proc/self/stat', 'utf8')
  } catch {
    return [0, 1, 2].some((fd) => isatty(fd))
  }
  return isForegroundIn(stat)
}

/** Reads `/proc/PID/stat` of Linux: the name of the program stands in parentheses and may contain spaces and parentheses. */
export function isForegroundIn(stat: string): boolean {
  const [, , group, , , foregroundGroup] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return group === foregroundGroup
}
