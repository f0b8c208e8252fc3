/** The CPU time of processes. On a busy machine it is more meaningful than elapsed time. */
import { readdirSync, readFileSync } from 'node:fs'

/** The clock ticks of `/proc`, the same on every Linux. */
const ticksPerSecond = 100

/** The CPU seconds of the processes with these ids so far; `null` when there is no `/proc`, or when one of them has ended. */
export function cpuSeconds(pids: readonly number[]): number | null {
  const seconds = pids.map((pid) => statOf(pid)?.seconds ?? null)
  return seconds.reduce((sum, of) => (sum === null || of === null ? null : sum + of), 0)
}

/** The process with this id and its running descendants. */
export function treeOf(pid: number): readonly number[] {
  const parents = new Map<number, number>()
  for (const name of processNames()) {
    const stat = statOf(Number(name))
    if (stat !== null) parents.set(Number(name), stat.parent)
  }
  const tree = [pid]
  for (const above of tree) {
    for (const [child, parent] of parents) if (parent === above) tree.push(child)
  }
  return tree
}

function processNames(): readonly string[] {
  try {
    return readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  } catch {
    return []
  }
}

function statOf(pid: number): { readonly parent: number; readonly seconds: number } | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The process name before the fields is in parentheses and may contain any character.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const [parent, user, system] = [fields[1], fields[11], fields[12]].map(Number)
    if (parent === undefined || user === undefined || system === undefined) return null
    return { parent, seconds: (user + system) / ticksPerSecond }
  } catch {
    return null
  }
}
