/** What stands above a server's column in the ledger: how far it is, and how old that is. */
import type { Heads, HeadsSample } from '../../src/inspect/records/heads.ts'
import type { ServerPicture } from '../../src/inspect/records/picture.ts'

/** What is shown above a column. */
export interface ColumnHeads extends Heads {
  /** How old the heads are, in milliseconds; 0 where nothing is missing. */
  readonly ageMs: number
  /** How old the cells below are: the server has left records out since. `null` for a server that does not run. */
  readonly cellsAgeMs: number | null
}

/** A server whose heads are this much older than the others' does not hold them back, in milliseconds. */
const lateMs = 1_000

/**
 * The heads of all servers, in order. Where all records are there, they are of the latest one. While a server leaves records
 * out they are of one moment, the latest of which all have reported, since heads of different moments look like lag.
 */
export function columnHeads(servers: readonly ServerPicture[]): readonly ColumnHeads[] {
  const nowMs = Math.max(0, ...servers.map(heardMs))
  const momentMs = commonMoment(servers, nowMs)
  return servers.map((server) => {
    const sample = momentMs === null ? null : sampleAt(server, momentMs)
    const heads = sample ?? server.heads
    const ageMs = isMissing(server) || sample !== null ? nowMs - (sample?.timeMs ?? heardMs(server)) : 0
    return { ...heads, ageMs: Math.max(0, ageMs), cellsAgeMs: cellsAgeMs(server, nowMs) }
  })
}

/** When anything was last heard of the server. */
function heardMs({ timeMs, samples, leftOutSince }: ServerPicture): number {
  return leftOutSince === 0 ? timeMs : Math.max(timeMs, samples.at(-1)?.timeMs ?? 0)
}

function cellsAgeMs(server: ServerPicture, nowMs: number): number | null {
  if (server.state === 'gone' || server.timeMs === 0) return null
  return isMissing(server) ? Math.max(0, nowMs - server.timeMs) : 0
}

/** True when the server has done something that its records do not show. */
export function isMissing({ leftOutSince, state }: ServerPicture): boolean {
  return leftOutSince > 0 || state === 'silent'
}

/** The latest moment of which all who leave records out have reported heads; `null` when nobody does. */
function commonMoment(servers: readonly ServerPicture[], nowMs: number): number | null {
  const reported = servers
    .filter((server) => server.state === 'up' && server.leftOutSince > 0)
    .map(heardMs)
    .filter((timeMs) => timeMs > nowMs - lateMs)
  return reported.length === 0 ? null : Math.min(...reported)
}

/** The heads of the server nearest to that moment; `null` when its latest are. */
function sampleAt(server: ServerPicture, momentMs: number): HeadsSample | null {
  const { state, leftOutSince, timeMs, heads, samples } = server
  // What has not moved since then was so at that moment.
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
