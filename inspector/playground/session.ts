/**
 * A schedule in progress: a cluster, the chosen events, and the other branches. A session is immutable. Going back is cheap,
 * because each point keeps its state.
 */

import { RoleFailed } from '../../src/core/role-failed.ts'
import { Violation } from '../../src/core/violation.ts'
import type { InspectorRecord } from '../../src/inspect/records/record.ts'
import { verdictOf } from '../../src/inspect/records/verdict.ts'
import {
  type ClusterSettings,
  type ClusterState,
  clusterSettings,
  type EndingSession,
} from '../../src/schedule/cluster.ts'
import type { ClusterEvent, ClusterStep } from '../../src/schedule/events.ts'
import { Judge, judgementOf } from '../../src/schedule/judge.ts'
import { applyRecorded, foundRecorded, type Recorded } from '../../src/schedule/records.ts'
import { type KnownService, knownServices } from '../../src/services/known.ts'
import { happeningLines } from '../../src/transcript/happening.ts'
import { eventText, foundingText } from '../../src/transcript/resolve.ts'

export interface Setting {
  readonly servers: number
  readonly service: KnownService
  /** By default no session ends by itself. */
  readonly ending?: EndingSession | null
  readonly snapshotEvery?: number | null
}

/** The most servers. The page must show each of them. */
export const mostServers = 7

/** The most events of a schedule. The page keeps the state after each of them. */
export const mostEvents = 5_000

/** A cluster after some events. Invariant: it is never changed. */
export interface Point {
  /** `null` for the founding. */
  readonly parent: Point | null
  /** The number of events up to here. */
  readonly depth: number
  readonly event: ClusterEvent | null
  /** The event as a command of a transcript: `deliver 0→1 prepare`. */
  readonly line: string
  /** What happened, in the words of a transcript. */
  readonly output: readonly string[]
  /** The author's comment on the event, line by line. */
  readonly note: readonly string[]
  readonly state: ClusterState
  /** The inspector's records of this event. */
  readonly records: readonly InspectorRecord[]
  /** The number of records since the founding, including those of this event. */
  readonly recordsEnd: number
  readonly judge: Judge
  /** The invariant or assertion that the event broke. No event can follow it. */
  readonly failure: string | null
}

export interface Session {
  readonly setting: Setting
  readonly recorded: Recorded
  /** From the founding to the end of the shown branch. */
  readonly path: readonly Point[]
  /** The reader's place in `path`. */
  readonly at: number
  /** The ends of all branches, in the order in which they began. Invariant: the end of `path` is one of them. */
  readonly ends: readonly Point[]
}

/** Replaces a part of the cluster: for a test that plants a fault. */
export type Adapt = (settings: ClusterSettings) => ClusterSettings

/** A founded cluster without events. Throws a `RangeError` for an invalid number of servers. */
export function begun(setting: Setting, adapt: Adapt = (settings) => settings): Session {
  const { servers, service, ending = null, snapshotEvery = null } = setting
  if (!Number.isInteger(servers) || servers < 1 || servers > mostServers) {
    throw new RangeError(`${servers} servers: a cluster has 1 to ${mostServers}`)
  }
  const known = knownServices[service]
  const recorded = {
    settings: adapt({ ...clusterSettings(servers, known, ending, snapshotEvery), digestEvery: 1 }),
    service: known,
  }
  const { records, ...step } = foundRecorded(recorded)
  const judge = Judge.begin(recorded.settings, service)
  judge.judge(step.state, step)
  const point: Point = {
    parent: null,
    depth: 0,
    event: null,
    line: foundingText({ count: servers, service, ending, snapshotEvery }),
    output: happeningLines(step.happenings),
    note: [],
    state: step.state,
    records,
    recordsEnd: records.length,
    judge,
    failure: null,
  }
  return {
    setting: { servers, service, ending, snapshotEvery },
    recorded,
    path: [point],
    at: 0,
    ends: [point],
  }
}

/** The reader's point. */
export function here({ path, at }: Session): Point {
  const point = path[at]
  if (point === undefined) throw new Error(`there is no point ${at}`)
  return point
}

/** The end of the shown branch. */
export function endOf({ path }: Session): Point {
  return path.at(-1) as Point
}

/**
 * The session after `event` at the reader's place. If that event already follows there, the reader moves to it. Otherwise, if the
 * branch continues with another event, a new branch begins. Throws when the event cannot happen there.
 */
export function happened(session: Session, event: ClusterEvent, note: readonly string[] = []): Session {
  const point = here(session)
  if (point.failure !== null) throw new Error(`no event can follow a failure: ${point.failure}`)
  if (point.depth >= mostEvents) throw new Error(`a schedule has at most ${mostEvents} events`)
  const line = eventText(point.state, event)
  const known = [endOf(session), ...session.ends].find((end) => {
    const path = pathTo(end)
    return path[session.at] === point && path[session.at + 1]?.line === line
  })
  if (known !== undefined) return { ...session, path: pathTo(known), at: session.at + 1 }
  const next = pointAfter(point, event, line, note, session.recorded)
  const isLonger = endOf(session) === point
  return {
    ...session,
    path: [...session.path.slice(0, session.at + 1), next],
    at: session.at + 1,
    ends: isLonger ? session.ends.map((end) => (end === point ? next : end)) : [...session.ends, next],
  }
}

/** Moves the reader to a place of the branch, limited to its ends. */
export function movedTo(session: Session, at: number): Session {
  const place = Math.min(Math.max(at, 0), session.path.length - 1)
  return place === session.at ? session : { ...session, at: place }
}

/** Shows the branch that ends at `end`, at its end. */
export function switchedTo(session: Session, end: Point): Session {
  const path = pathTo(end)
  return { ...session, path, at: path.length - 1 }
}

/** The place of the last point whose records are complete in the first `cursor` records. */
export function placeAt({ path }: Pick<Session, 'path'>, cursor: number): number {
  const after = path.findIndex(({ recordsEnd }) => recordsEnd > cursor)
  return after === -1 ? path.length - 1 : Math.max(0, after - 1)
}

/** The commands up to the end of the branch, or up to its place `upTo`, line by line: the content of a link. */
export function scheduleText({ path }: Session, upTo = path.length - 1): string {
  const lines = path
    .slice(0, upTo + 1)
    .flatMap(({ note, line }) => [...note.map((text) => `# ${text}`), line])
  return `${lines.join('\n')}\n`
}

function pathTo(end: Point): readonly Point[] {
  const path: Point[] = []
  for (let point: Point | null = end; point !== null; point = point.parent) path.push(point)
  return path.reverse()
}

function pointAfter(
  parent: Point,
  event: ClusterEvent,
  line: string,
  note: readonly string[],
  recorded: Recorded,
): Point {
  const judge = parent.judge.copy()
  const { step, records, failure } = outcomeOf(parent, event, judge, recorded)
  return {
    parent,
    depth: parent.depth + 1,
    event,
    line,
    output: happeningLines(step.happenings),
    note,
    state: step.state,
    records,
    recordsEnd: parent.recordsEnd + records.length,
    judge,
    failure,
  }
}

interface Judged {
  readonly step: ClusterStep
  readonly records: readonly InspectorRecord[]
  readonly failure: string | null
}

function outcomeOf({ state, depth }: Point, event: ClusterEvent, judge: Judge, recorded: Recorded): Judged {
  const clock = recorded.settings.founders.length + depth
  try {
    const { records, ...step } = applyRecorded(state, event, recorded, clock)
    try {
      judge.judge(state, step)
      return { step, records, failure: null }
    } catch (error) {
      if (!(error instanceof Violation)) throw error
      return {
        step,
        records: [...records, verdictOf(error, step.state.nowMs, judgementOf(recorded.service.name))],
        failure: error.message,
      }
    }
  } catch (error) {
    if (!(error instanceof RoleFailed)) throw error
    const failure = error.message
    return {
      step: { state, happenings: [], facts: [] },
      records: [verdictOf(new Error(failure), state.nowMs, judgementOf(recorded.service.name))],
      failure,
    }
  }
}
