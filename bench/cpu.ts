/** What processes have used of the processors: on a busy machine that says more than the time that passes. */
import { readdirSync, readFileSync } from 'node:fs'

/** Of `/proc`, on every Linux. */
const ticksPerSecond = 100

/** CPU seconds of the processes with these ids so far; `null` where there is no `/proc` to ask, or one of them is gone. */
export function cpuSeconds(pids: readonly number[]): number | null {
  const seconds = pids.map((pid) => statOf(pid)?.seconds ?? null)
  return seconds.reduce((sum, of) => (sum === null || of === null ? null : sum + of), 0)
}

/** The process with that id and all that it has started, themselves or through others, as far as they run. */
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
    // The name before it, in brackets, may hold anything.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const [parent, user, system] = [fields[1], fields[11], fields[12]].map(Number)
    if (parent === undefined || user === undefined || system === undefined) return null
    return { parent, seconds: (user + system) / ticksPerSecond }
  } catch {
    return null
  }
}
