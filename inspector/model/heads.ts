/** The heads above a server's column in the ledger: its progress, and the age of that information. */
import type { Heads, HeadsSample } from '../../src/inspect/records/heads.ts'
import type { ServerPicture } from '../../src/inspect/records/picture.ts'

/** The heads above one column. */
export interface ColumnHeads extends Heads {
  /** The age of the heads in milliseconds; 0 when nothing is missing. */
  readonly ageMs: number
  /** The age of the cells below, since the server left out records. `null` for a server that does not run. */
  readonly cellsAgeMs: number | null
}

/** A server whose heads are this much older than the others' is not waited for, in milliseconds. */
const lateMs = 1_000

/**
 * The heads of all servers, in order. If all records are present, the heads are those of the latest record. While a server leaves
 * out records, all heads are of one moment: the latest that all servers have reported. Heads of different moments would look like
 * lag.
 */
export function columnHeads(servers: readonly ServerPicture[]): readonly ColumnHeads[] {
  const nowMs = Math.max(0, ...servers.map(lastRecordMs))
  const momentMs = commonMoment(servers, nowMs)
  return servers.map((server) => {
    const sample = momentMs === null ? null : sampleAt(server, momentMs)
    const heads = sample ?? server.heads
    const ageMs = isMissing(server) || sample !== null ? nowMs - (sample?.timeMs ?? lastRecordMs(server)) : 0
    return { ...heads, ageMs: Math.max(0, ageMs), cellsAgeMs: cellsAgeMs(server, nowMs) }
  })
}

/** The time of the last information from the server. */
function lastRecordMs({ timeMs, samples, leftOutSince }: ServerPicture): number {
  return leftOutSince === 0 ? timeMs : Math.max(timeMs, samples.at(-1)?.timeMs ?? 0)
}

function cellsAgeMs(server: ServerPicture, nowMs: number): number | null {
  if (server.state === 'gone' || server.timeMs === 0) return null
  return isMissing(server) ? Math.max(0, nowMs - server.timeMs) : 0
}

/** True when records of the server's latest events are missing. */
export function isMissing({ leftOutSince, state }: ServerPicture): boolean {
  return leftOutSince > 0 || state === 'silent'
}

/** The latest moment for which all servers with gaps have reported heads; `null` when no server has gaps. */
function commonMoment(servers: readonly ServerPicture[], nowMs: number): number | null {
  const reported = servers
    .filter((server) => server.state === 'up' && server.leftOutSince > 0)
    .map(lastRecordMs)
    .filter((timeMs) => timeMs > nowMs - lateMs)
  return reported.length === 0 ? null : Math.min(...reported)
}

/** The sample nearest to that moment; `null` when the server's latest heads are the right ones. */
function sampleAt(server: ServerPicture, momentMs: number): HeadsSample | null {
  const { state, leftOutSince, timeMs, heads, samples } = server
  // A server without changes since that moment had the same heads then.
  if (state !== 'up' || (leftOutSince === 0 && timeMs <= momentMs)) return null
  const latest = leftOutSince === 0 ? [{ ...heads, timeMs }] : []
  return [...samples, ...latest].reduce<HeadsSample | null>(
    (best, sample) => (best === null || awayMs(sample) <= awayMs(best) ? sample : best),
    null,
  )

  function awayMs(sample: HeadsSample): number {
    return Math.abs(sample.timeMs - momentMs)
  }
}
