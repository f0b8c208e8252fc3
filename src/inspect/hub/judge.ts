/**
 * Judges the invariants of a live cluster by the records of its servers.
 *
 * Records may be missing: the server does not report, reported before the hub started, had more to do, or was killed before it
 * sent the last records. A missing record must never make an invariant appear broken. So:
 *
 * - Each received message must be known to have been sent. If no server receives the messages of the missing records, and none of
 *   their effects is on the disk when the server begins again, then the visible events are a run of their own: the run in which
 *   the missing events did not happen and the server crashed a little earlier.
 * - Otherwise the judge discards its knowledge and begins again from the current state of all servers (`Invariants.beginLater`),
 *   once the cluster is quiet: for a while, every received message is known to have been sent.
 */
import { type Instance, type NodeId, namedRequests, requestCount } from '../../../machines/batch.ts'
import { countedMembers, isCounted } from '../../../machines/members.ts'
import { isQuorum } from '../../../machines/quorum.ts'
import { nothingDurable } from '../../core/durable.ts'
import type { Fact } from '../../core/facts.ts'
import { type Invariant, invariantNumbers, reasonUnjudged } from '../../core/invariants.ts'
import { heldBytes } from '../../core/json.ts'
import { Violation } from '../../core/violation.ts'
import { Invariants } from '../../verify/invariants.ts'
import type {
  HeadsRecord,
  InspectorRecord,
  InvariantStanding,
  KeyframeRecord,
  ServerRecord,
  StepRecord,
} from '../records/record.ts'
import { unjudged } from '../records/verdict.ts'
import {
  beginningOf,
  firstUntouched,
  follow,
  type KnownServer,
  mayChangeMembers,
  showsMore,
} from './known-server.ts'
import { recordBytes } from './record-bytes.ts'
import { SentLog } from './sent-log.ts'

type ServerLine = Extract<InspectorRecord, { kind: 'server' }>

/** The state of the judgement. */
type Course =
  /** From the first start of every server on. */
  | { readonly name: 'whole'; readonly invariants: Invariants }
  /** From an instance on. */
  | {
      readonly name: 'later'
      readonly invariants: Invariants
      readonly first: Instance
      /** The time of the record with which it began. */
      readonly sinceTimeMs: number
    }
  | { readonly name: 'waiting'; readonly reason: string; sinceMs: number }
  | { readonly name: 'broken'; readonly violation: Violation; readonly before: readonly Invariant[] }

const nothingReported = 'no server has reported anything yet'

/** The limit of batches and requests from one beginning, because the judge keeps data on each of them. */
const mostJudged = 1_000_000

/**
 * About how many bytes of memory the disks of all servers may take here. They are measured each time after this many bytes of records.
 */
const mostDurableBytes = 32 * 1024 * 1024

/** How long the cluster must be quiet before the judgement begins again, in milliseconds. */
const quietMs = 1_000

export class RecordJudge {
  readonly #servers = new Map<NodeId, KnownServer>()
  readonly #sent = new SentLog()
  #service: string | null = null
  #course: Course = { name: 'waiting', reason: nothingReported, sinceMs: 0 }
  #reported = ''
  /** The time of the latest record that has one. */
  #timeMs = 0
  /** The number of batches and requests that were judged since the beginning. */
  #judged = 0
  /** The bytes of the records since the kept knowledge was last measured. */
  #bytesSinceSeen = 0

  /**
   * Takes the next record, in order. `nowMs` is any clock that does not go back. Returns the standings when they changed. A
   * record that breaks an invariant is the last one that was taken.
   */
  take(record: InspectorRecord, nowMs: number): readonly InvariantStanding[] | null {
    this.#timeMs = Math.max(this.#timeMs, timeIn(record))
    this.#makeRoom(record, nowMs)
    if (this.#course.name !== 'broken') {
      this.#beginAgain(nowMs)
      try {
        this.#take(record, nowMs)
        if (this.#judged > mostJudged) this.#lost('the judge kept too much and began again', nowMs)
      } catch (error) {
        if (error instanceof Violation) this.#broken(error)
        else this.#lost(`a record could not be judged: ${(error as Error).message}`, nowMs)
      }
    }
    return this.#news()
  }

  /** Called regularly, also when no record arrives: the cluster may be quiet by now. */
  tick(nowMs: number): readonly InvariantStanding[] | null {
    if (this.#course.name !== 'broken') this.#beginAgain(nowMs)
    return this.#news()
  }

  /** The standing of every invariant. */
  standings(): readonly InvariantStanding[] {
    return invariantNumbers.map((invariant) => this.#standingOf(invariant))
  }

  #take(record: InspectorRecord, nowMs: number): void {
    switch (record.kind) {
      case 'cluster':
        if (this.#service !== null) return
        this.#service = record.service
        this.#course = {
          name: 'whole',
          invariants: Invariants.begin({ founders: record.founders, service: record.service }),
        }
        return
      case 'gap': {
        const server = this.#servers.get(record.node)
        if (server?.run !== record.run) return
        server.isWhole = false
        this.#lost(`${record.count} records of server ${record.node} are missing`, nowMs)
        return
      }
      case 'process':
        if (record.state === 'gone') this.#gone(record.node)
        return
      case 'server':
        this.#takeLine(record, nowMs)
        return
      case 'links':
      case 'client':
      case 'verdict':
      case 'repeats':
      case 'milestones':
        return
    }
    record satisfies never
  }

  #takeLine(line: ServerLine, nowMs: number): void {
    const { node, run, record } = line
    // Heads stand for missing records. The gap before the next keyframe reports them.
    if (record.kind === 'heads') return
    const server = this.#servers.get(node)
    if (server === undefined || server.run !== run || !server.isRunning) this.#begins(line, server, nowMs)
    else if (record.kind === 'keyframe') this.#takeKeyframe(line, server, record)
    else if (server.isWhole) this.#happened(node, server, record, nowMs)
    // The messages that it sent count nevertheless.
    else if (record.kind === 'step') this.#notes(node, record)
  }

  /** The first record of a run that is seen, or of a run that returns. */
  #begins(line: ServerLine, before: KnownServer | undefined, nowMs: number): void {
    const { node, run, incarnation, record } = line
    if (record.kind === 'ended') return
    const beginning = beginningOf(record)
    const server: KnownServer = {
      run,
      incarnation,
      isRunning: true,
      hasEndedWell: false,
      isWhole: beginning !== null,
      isJudged: false,
      durable: beginning?.durable ?? nothingDurable,
      members: beginning?.members ?? [],
      firstUnexecuted: beginning?.firstUnexecuted ?? 0,
    }
    this.#servers.set(node, server)
    if (record.kind === 'step') {
      this.#notes(node, record)
      follow(server, record)
    }
    const { name } = this.#course
    if (name !== 'whole' && name !== 'later') return
    if (beginning === null || before?.run === run) {
      this.#lost(`records of server ${node} are missing`, nowMs)
      return
    }
    const known = before?.incarnation === incarnation ? before : undefined
    const isKnown = known === undefined ? name === 'whole' || before !== undefined : known.isJudged
    const isMissing = !known?.hasEndedWell && showsMore(known, beginning)
    if (!beginning.isFresh || !isKnown || isMissing) {
      this.#lost(`the records do not show the state in which server ${node} began`, nowMs)
      return
    }
    server.isJudged = true
    if (before?.isRunning) this.#observe({ type: 'crashed', node })
    if (record.kind === 'step') this.#observeStep(record)
    else this.#observe({ type: 'started', node, incarnation, ...beginning })
  }

  /** A keyframe within a run: after a gap, or as a check. */
  #takeKeyframe(
    line: ServerLine,
    server: KnownServer,
    { durable, members, firstUnexecuted }: KeyframeRecord,
  ): void {
    const wasWhole = server.isWhole
    Object.assign(server, { isWhole: true, durable, members, firstUnexecuted })
    if (!wasWhole) server.isJudged = false
    this.#servers.set(line.node, server)
  }

  #happened(
    node: NodeId,
    server: KnownServer,
    record: Exclude<ServerRecord, KeyframeRecord | HeadsRecord>,
    nowMs: number,
  ): void {
    switch (record.kind) {
      case 'step':
        this.#notes(node, record)
        follow(server, record)
        if (!this.#isExplained(node, record)) {
          const sender = record.cause.type === 'hear' ? record.cause.sender : node
          this.#lost(
            `server ${node} received a message that server ${sender} is not known to have sent`,
            nowMs,
          )
          return
        }
        this.#observeStep(record)
        return
      case 'ended':
        server.hasEndedWell = true
        this.#gone(node)
        return
      case 'fate':
      case 'service':
        return
    }
    record satisfies never
  }

  #gone(node: NodeId): void {
    const server = this.#servers.get(node)
    if (server === undefined || !server.isRunning) return
    server.isRunning = false
    if (server.isJudged) this.#observe({ type: 'crashed', node })
  }

  #notes(node: NodeId, { facts }: StepRecord): void {
    for (const fact of facts) {
      if (fact.type === 'said' && fact.to !== node) this.#sent.add(node, fact.to, fact.message)
    }
  }

  #isExplained(node: NodeId, { cause }: StepRecord): boolean {
    if (cause.type !== 'hear' || cause.sender === node) return true
    return this.#sent.knows(cause.sender, node, cause.message)
  }

  #observeStep({ cause, facts }: StepRecord): void {
    if (cause.type === 'request' && cause.message.type === 'request') {
      for (const request of namedRequests(cause.message)) this.#observe({ type: 'requested', request })
    }
    for (const fact of facts) this.#observe(fact)
  }

  #observe(fact: Fact): void {
    const course = this.#course
    if (course.name !== 'whole' && course.name !== 'later') return
    course.invariants.observe(fact)
    if (fact.type === 'executed') this.#judged += 1 + requestCount(fact.batch)
  }

  /** Discards what was known: it no longer holds. */
  #lost(reason: string, nowMs: number): void {
    this.#judged = 0
    for (const server of this.#servers.values()) server.isJudged = false
    if (this.#course.name === 'waiting') this.#course.sinceMs = nowMs
    else this.#course = { name: 'waiting', reason, sinceMs: nowMs }
  }

  /** Discards what servers hold on disk when it takes too much memory. The next keyframe of each server brings it again. */
  #makeRoom(record: InspectorRecord, nowMs: number): void {
    this.#bytesSinceSeen += recordBytes(record)
    if (this.#bytesSinceSeen <= mostDurableBytes) return
    this.#bytesSinceSeen = 0
    const servers = [...this.#servers.values()]
    const bytes = servers.reduce((sum, { durable }) => sum + heldBytes(durable), 0)
    if (bytes <= mostDurableBytes) return
    for (const server of servers) Object.assign(server, { durable: nothingDurable, isWhole: false })
    if (this.#course.name !== 'broken')
      this.#lost('the disks of the servers are too large to keep here', nowMs)
  }

  #beginAgain(nowMs: number): void {
    const course = this.#course
    if (course.name !== 'waiting' || this.#service === null || nowMs - course.sinceMs < quietMs) return
    const servers = [...this.#servers].filter(([, { isRunning }]) => isRunning)
    if (servers.length === 0 || servers.some(([, { isWhole }]) => !isWhole)) return
    const all = servers.map(([, server]) => server)
    const from = Math.max(...all.map(({ firstUnexecuted }) => firstUnexecuted))
    const members = all.find(({ firstUnexecuted }) => firstUnexecuted === from)?.members ?? []
    const seen = servers.flatMap(([node, { incarnation }]) =>
      isCounted(members, node, incarnation) ? [node] : [],
    )
    // If a change of members may be in progress, the quorum is not known.
    if (!isQuorum(countedMembers(members), seen) || all.some(mayChangeMembers)) return
    const first = Math.max(...all.map(firstUntouched))
    for (const server of all) server.isJudged = true
    this.#course = {
      name: 'later',
      first,
      sinceTimeMs: this.#timeMs,
      invariants: Invariants.beginLater({
        service: this.#service,
        first,
        from,
        members,
        servers: servers.map(([node, { incarnation, durable }]) => ({
          node,
          incarnation,
          isRunning: true,
          durable,
        })),
      }),
    }
  }

  #broken(violation: Violation): void {
    const before = this.standings().flatMap(({ invariant, standing }) =>
      standing === 'holds' && invariant !== violation.invariant ? [invariant] : [],
    )
    this.#course = { name: 'broken', violation, before }
  }

  #news(): readonly InvariantStanding[] | null {
    const standings = this.standings()
    const text = JSON.stringify(standings)
    if (text === this.#reported) return null
    this.#reported = text
    return standings
  }

  #standingOf(invariant: Invariant): InvariantStanding {
    const course = this.#course
    if (course.name === 'broken' && course.violation.invariant === invariant) {
      return { invariant, standing: 'broken', text: course.violation.message }
    }
    if (this.#service === null) return unjudged(invariant, nothingReported)
    const judgement = {
      evidence: ['facts'],
      isWholeHistory: course.name !== 'later',
      service: this.#service,
    } as const
    const reason = reasonUnjudged(invariant, judgement)
    if (reason !== null) return unjudged(invariant, reason)
    switch (course.name) {
      case 'waiting':
        return unjudged(invariant, course.reason)
      case 'whole':
        if (this.#servers.size === 0) return unjudged(invariant, nothingReported)
        return { invariant, standing: 'holds', text: 'judged from the first start of every server on' }
      case 'later': {
        const since = { instance: course.first, timeMs: course.sinceTimeMs }
        return { invariant, standing: 'holds', text: `judged from instance ${course.first} on`, since }
      }
      case 'broken': {
        const until = `invariant ${course.violation.invariant} was broken`
        const held = course.before.includes(invariant)
        return unjudged(invariant, held ? `held until ${until}` : `not judged before ${until}`)
      }
    }
    return course satisfies never
  }
}

function timeIn(record: InspectorRecord): number {
  if (record.kind === 'server') return record.record.timeMs
  return 'timeMs' in record ? record.timeMs : 0
}
