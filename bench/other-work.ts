/** How much the other processes of this machine computed during a run: the figures of a busy machine are worth less. */
import { readFileSync } from 'node:fs'

interface CpuTimes {
  /** The time of all processors, also idle, and the part of it in which they computed; in clock ticks. */
  readonly total: number
  readonly busy: number
}

/** The times in the first line of `/proc/stat`. */
export function cpuTimesIn(stat: string): CpuTimes {
  const [line = ''] = stat.split('\n')
  // The ninth and tenth field, of guests, are parts of the first two.
  const fields = line.trim().split(/\s+/).slice(1, 9).map(Number)
  const total = fields.reduce((sum, ticks) => sum + ticks, 0)
  const [idle = 0, waiting = 0] = [fields[3], fields[4]]
  return { total, busy: total - idle - waiting }
}

/** The clock ticks of a process and of its ended children, in its `/proc/PID/stat`. */
export function ownTicksIn(stat: string): number {
  // The process name before the fields is in parentheses and may contain any character.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0)
}

/**
 * Begins to measure. The result gives the share of the processors that other processes used since then, from 0 to 1; `null` when no time has
 * passed, or there is no `/proc`. All children of this process must have ended when it is called.
 */
export function watchOtherWork(): () => number | null {
  const now = () => {
    try {
      return {
        all: cpuTimesIn(readFileSync('/proc/stat', 'utf8')),
        own: ownTicksIn(readFileSync('/proc/self/stat', 'utf8')),
      }
    } catch {
      return null
    }
  }
  const before = now()
  return () => {
    const after = now()
    if (before === null || after === null) return null
    const total = after.all.total - before.all.total
    const busy = after.all.busy - before.all.busy
    return total === 0 ? null : (busy - (after.own - before.own)) / total
  }
}
