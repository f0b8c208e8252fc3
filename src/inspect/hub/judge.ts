/**
 * Judges the invariants of a live cluster by what its servers tell.
 *
 * Records may be missing: of a server that does not tell, that told before the hub was there, that had more to do, or that was
 * killed before it could send the last of them. Nothing may be called broken because of that. So:
 *
 * - A message that was heard must be known to have been said. If nobody hears what was said in records that are missing, and
 *   nothing of them is on a disk when its server begins again, then what is seen is a run by itself: the one in which these
 *   events did not happen, and the server was gone a little earlier.
 * - Otherwise what was known is given up, and the judgement begins anew from where all servers stand (`Invariants.beginLater`),
 *   once it is quiet: when for a while nothing was heard that is not known to have been said.
 */
import type { Instance, NodeId } from '../../../machines/batch.ts'
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
import { SaidLog } from './said-log.ts'

type ServerLine = Extract<InspectorRecord, { kind: 'server' }>

/** How the judgement stands. */
type Course =
  /** From the first start of every server on. */
  | { readonly name: 'whole'; readonly invariants: Invariants }
  /** From an instance on. */
  | {
      readonly name: 'later'
      readonly invariants: Invariants
      readonly first: Instance
      /** Of the record with which it began. */
      readonly sinceTimeMs: number
    }
  | { readonly name: 'waiting'; readonly reason: string; sinceMs: number }
  | { readonly name: 'broken'; readonly violation: Violation; readonly before: readonly Invariant[] }

const nothingTold = 'no server has told anything yet'

/** So many batches and requests are judged from one beginning, at most: what is known of them is kept. */
const mostJudged = 1_000_000

/** What all servers hold on disk, of which more is not kept, in bytes of memory, about; after so many of records it is looked at. */
const mostDurableBytes = 32 * 1024 * 1024

/** How long it must have been quiet before the judgement begins anew, in milliseconds. */
const quietMs = 1_000

export class RecordJudge {
  readonly #servers = new Map<NodeId, KnownServer>()
  readonly #said = new SaidLog()
  #service: string | null = null
  #course: Course = { name: 'waiting', reason: nothingTold, sinceMs: 0 }
  #told = ''
  /** Of the latest record that has a time. */
  #timeMs = 0
  /** Batches and requests that were judged since the beginning. */
  #judged = 0
  /** What records took in memory since it was last seen what is kept of them. */
  #bytesSinceSeen = 0

  /**
   * Takes the next record, in order. `nowMs` is any clock that does not go back. Gives how the invariants stand when that has
   * changed: the record that broke one is the last that was taken.
   */
  take(record: InspectorRecord, nowMs: number): readonly InvariantStanding[] | null {
    this.#timeMs = Math.max(this.#timeMs, timeIn(record))
    this.#makeRoom(record, nowMs)
    if (this.#course.name !== 'broken') {
      this.#beginAgain(nowMs)
      try {
        this.#take(record, nowMs)
        if (this.#judged > mostJudged) this.#lost('what was known grew too large: judged anew', nowMs)
      } catch (error) {
        if (error instanceof Violation) this.#broken(error)
        else this.#lost(`a record could not be judged: ${(error as Error).message}`, nowMs)
      }
    }
    return this.#news()
  }

  /** To be called now and then, when no record comes: it may be quiet enough by now. */
  tick(nowMs: number): readonly InvariantStanding[] | null {
    if (this.#course.name !== 'broken') this.#beginAgain(nowMs)
    return this.#news()
  }

  /** How every invariant stands. */
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
        this.#heardOf(record, nowMs)
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

  #heardOf(line: ServerLine, nowMs: number): void {
    const { node, run, record } = line
    // What they tell of is missing: the gap that comes with the next keyframe says so.
    if (record.kind === 'heads') return
    const server = this.#servers.get(node)
    if (server === undefined || server.run !== run || !server.isRunning) this.#begins(line, server, nowMs)
    else if (record.kind === 'keyframe') this.#takeKeyframe(line, server, record)
    else if (server.isWhole) this.#happened(node, server, record, nowMs)
    // What it says is known all the same.
    else if (record.kind === 'step') this.#notes(node, record)
  }

  /** The first record of a run that is seen, or of one that comes back. */
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
      this.#lost(`what server ${node} began with is not known from its records`, nowMs)
      return
    }
    server.isJudged = true
    if (before?.isRunning) this.#observe({ type: 'crashed', node })
    if (record.kind === 'step') this.#observeStep(record)
    else this.#observe({ type: 'started', node, incarnation, ...beginning })
  }

  /** A keyframe in the middle: after a gap, or to make sure. */
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
          this.#lost(`server ${node} heard what server ${sender} is not known to have said`, nowMs)
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
      if (fact.type === 'said' && fact.to !== node) this.#said.said(node, fact.to, fact.message)
    }
  }

  #isExplained(node: NodeId, { cause }: StepRecord): boolean {
    if (cause.type !== 'hear' || cause.sender === node) return true
    return this.#said.knows(cause.sender, node, cause.message)
  }

  #observeStep({ cause, facts }: StepRecord): void {
    if (cause.type === 'request') {
      const { type: _, ...request } = cause.message
      this.#observe({ type: 'requested', request })
    }
    for (const fact of facts) this.#observe(fact)
  }

  #observe(fact: Fact): void {
    const course = this.#course
    if (course.name !== 'whole' && course.name !== 'later') return
    course.invariants.observe(fact)
    if (fact.type === 'executed') this.#judged += 1 + fact.batch.requests.length
  }

  /** What was known holds no more. */
  #lost(reason: string, nowMs: number): void {
    this.#judged = 0
    for (const server of this.#servers.values()) server.isJudged = false
    if (this.#course.name === 'waiting') this.#course.sinceMs = nowMs
    else this.#course = { name: 'waiting', reason, sinceMs: nowMs }
  }

  /** What servers hold on disk is not kept where it is too much: it comes again with the next keyframe of each. */
  #makeRoom(record: InspectorRecord, nowMs: number): void {
    this.#bytesSinceSeen += recordBytes(record)
    if (this.#bytesSinceSeen <= mostDurableBytes) return
    this.#bytesSinceSeen = 0
    const servers = [...this.#servers.values()]
    const bytes = servers.reduce((sum, { durable }) => sum + heldBytes(durable), 0)
    if (bytes <= mostDurableBytes) return
    for (const server of servers) Object.assign(server, { durable: nothingDurable, isWhole: false })
    if (this.#course.name !== 'broken') this.#lost('what servers hold on disk is too much to be kept', nowMs)
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
    // If members may be about to change, it is not known who has to be asked.
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
    if (text === this.#told) return null
    this.#told = text
    return standings
  }

  #standingOf(invariant: Invariant): InvariantStanding {
    const course = this.#course
    if (course.name === 'broken' && course.violation.invariant === invariant) {
      return { invariant, standing: 'broken', text: course.violation.message }
    }
    if (this.#service === null) return unjudged(invariant, nothingTold)
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
        if (this.#servers.size === 0) return unjudged(invariant, nothingTold)
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
