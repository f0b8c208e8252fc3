/**
 * A schedule that is being made: a cluster, the events that were chosen, and the other ways that were gone. A session is never
 * changed; going back is free, since each point keeps its state.
 */

import { RoleFailed } from '../../src/core/role-failed.ts'
import { Violation } from '../../src/core/violation.ts'
import type { InspectorRecord } from '../../src/inspect/records/record.ts'
import { verdictOf } from '../../src/inspect/records/verdict.ts'
import { type ClusterSettings, type ClusterState, clusterSettings } from '../../src/schedule/cluster.ts'
import type { ClusterEvent, ClusterStep } from '../../src/schedule/events.ts'
import { Judge, judgementOf } from '../../src/schedule/judge.ts'
import { applyRecorded, foundRecorded, type Recorded } from '../../src/schedule/records.ts'
import { type KnownService, knownServices } from '../../src/services/known.ts'
import { happeningLines } from '../../src/transcript/happening.ts'
import { eventText } from '../../src/transcript/resolve.ts'

export interface Setting {
  readonly servers: number
  readonly service: KnownService
}

/** More servers than this are not founded: the page has to show each. */
export const mostServers = 7

/** A schedule of more events is not gone on with: the page keeps each of its states. */
export const mostEvents = 5_000

/** A cluster after so many events. Invariant: nothing in it is ever changed. */
export interface Point {
  /** `null` for the founding. */
  readonly parent: Point | null
  /** Events up to here. */
  readonly depth: number
  readonly event: ClusterEvent | null
  /** The event as a transcript has it: `deliver 0→1 prepare`. */
  readonly line: string
  /** What happened, as a transcript tells it. */
  readonly told: readonly string[]
  /** What whoever wrote the schedule has to say about it, a line each. */
  readonly note: readonly string[]
  readonly state: ClusterState
  /** What the inspector is told of this event. */
  readonly records: readonly InspectorRecord[]
  /** How many records there are from the founding on, those of this event included. */
  readonly recordsEnd: number
  readonly judge: Judge
  /** Which invariant or assertion the event broke: nothing comes after it. */
  readonly failure: string | null
}

export interface Session {
  readonly setting: Setting
  readonly recorded: Recorded
  /** From the founding to the end of the branch that is shown. */
  readonly path: readonly Point[]
  /** The place in `path` where the reader is. */
  readonly at: number
  /** The ends of all branches, in the order in which they were begun. Invariant: the end of `path` is one. */
  readonly ends: readonly Point[]
}

/** Replaces a part of the cluster: for a test that plants a fault. */
export type Adapt = (settings: ClusterSettings) => ClusterSettings

/** A cluster that has been founded and to which nothing has happened. Throws a `RangeError` for a number of servers that cannot be. */
export function begun({ servers, service }: Setting, adapt: Adapt = (settings) => settings): Session {
  if (!Number.isInteger(servers) || servers < 1 || servers > mostServers) {
    throw new RangeError(`${servers} servers: a cluster has 1 to ${mostServers}`)
  }
  const known = knownServices[service]
  const recorded = {
    settings: adapt({ ...clusterSettings(servers, known), digestEvery: 1 }),
    service: known,
  }
  const { records, ...step } = foundRecorded(recorded)
  const judge = Judge.begin(recorded.settings, service)
  judge.judge(step.state, step)
  const point: Point = {
    parent: null,
    depth: 0,
    event: null,
    line: service === 'lock' ? `servers ${servers}` : `servers ${servers} ${service}`,
    told: happeningLines(step.happenings),
    note: [],
    state: step.state,
    records,
    recordsEnd: records.length,
    judge,
    failure: null,
  }
  return { setting: { servers, service }, recorded, path: [point], at: 0, ends: [point] }
}

/** Where the reader is. */
export function here({ path, at }: Session): Point {
  const point = path[at]
  if (point === undefined) throw new Error(`there is no point ${at}`)
  return point
}

/** The end of the branch that is shown. */
export function endOf({ path }: Session): Point {
  return path.at(-1) as Point
}

/**
 * The session after `event` happened where the reader is. Where it had happened already, the reader goes there; otherwise, when there is more
 * on the branch, another begins. Throws when the event cannot happen there.
 */
export function happened(session: Session, event: ClusterEvent, note: readonly string[] = []): Session {
  const point = here(session)
  if (point.failure !== null) throw new Error(`nothing can happen after what broke: ${point.failure}`)
  if (point.depth >= mostEvents) throw new Error(`a schedule has no more than ${mostEvents} events`)
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

/** The reader goes to a place of the branch; what is beyond its ends is its ends. */
export function movedTo(session: Session, at: number): Session {
  const place = Math.min(Math.max(at, 0), session.path.length - 1)
  return place === session.at ? session : { ...session, at: place }
}

/** Shows the branch that ends at `end`, at its end. */
export function switchedTo(session: Session, end: Point): Session {
  const path = pathTo(end)
  return { ...session, path, at: path.length - 1 }
}

/** The place of the last point of which the first `cursor` records tell in full. */
export function placeAt({ path }: Pick<Session, 'path'>, cursor: number): number {
  const after = path.findIndex(({ recordsEnd }) => recordsEnd > cursor)
  return after === -1 ? path.length - 1 : Math.max(0, after - 1)
}

/** The commands up to the end of the branch, or up to the place `upTo` of it, a line each: what a link holds. */
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
    told: happeningLines(step.happenings),
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
