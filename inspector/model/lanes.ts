/**
 * The dots and arrows of the space-time lanes: who sent what to whom, according to the records. The model grows with the records at
 * a constant cost for each, and forgets the records that the page evicts.
 *
 * One record shows that a message was sent, another that it was received. Datagrams carry no number, so a received message is
 * matched with its oldest copy in transit.
 */
import type { Instance, NodeId } from '../../machines/batch.ts'
import { clientName } from '../../src/core/names.ts'
import type {
  Cause,
  ClientRecord,
  CutLink,
  FateRecord,
  InspectorRecord,
  PartyName,
  StepRecord,
} from '../../src/inspect/records/record.ts'
import { entryOf } from '../../src/messages/dictionary.ts'
import { cutsIn } from './faults.ts'
import { InTransit, keyOf } from './in-transit.ts'
import { type LaneMessage, type MessageKind, uidOfMessage } from './lane-messages.ts'
import { type Timeline, timeOf } from './timeline.ts'

/** An event of one party. */
export interface Dot {
  /** The number of the record. */
  readonly at: number
  readonly party: PartyName
  readonly timeMs: number
  readonly what: DotKind
  /** The instances that were executed, in order. */
  readonly executed: readonly Instance[]
  /** A sync succeeded. */
  readonly isSynced: boolean
  /** For `gap`: the number of records that the server left out. */
  readonly leftOut: number
}

/** `cut` and `healed` stand on the lane of the party at which the links end. */
export type DotKind = Cause['type'] | 'client' | 'gone' | 'paused' | 'resumed' | 'gap' | 'cut' | 'healed'

/** A message, from its sender to its receiver. */
export interface Arrow {
  readonly id: number
  readonly message: LaneMessage
  /** The text at the arrow: `accept 1.0 #4`. */
  readonly label: string
  readonly kind: MessageKind
  readonly from: PartyName
  readonly to: PartyName
  /** The record in which it was sent; `null` when no record shows it. */
  readonly sentAt: number | null
  /** The record in which it was received. */
  readonly receivedAt: number | null
  /** The record of its fate. */
  readonly fateAt: number | null
  readonly fate: FateRecord['fate'] | null
  /** The reason of its fate. */
  readonly reason: string | null
  /** A further copy of a message that was sent once. */
  readonly isCopy: boolean
}

/**
 * The state of a message. `unreceived`: it is not known to be lost, but its receiver has ended, or has continued for long without
 * it. `unknown`: the receiver has left out records since. `unseen`: the receiver sends no records, as for most clients.
 */
export type ArrowState = 'flying' | 'received' | 'own' | 'lost' | 'unreceived' | 'unknown' | 'unseen'

/** The state of a server from a record on. */
export interface LifeChange {
  readonly at: number
  readonly state: 'up' | 'gone' | 'paused' | 'silent'
}

/** A client that appears in a record. */
export interface LaneClient {
  readonly name: string
  /** The numbers of the first and of the latest record in which it takes part. */
  readonly firstAt: number
  readonly lastAt: number
}

/** A message counts as not received after its receiver has taken this many steps without it. */
export const longUnreceived = 100

type MutableArrow = { -readonly [key in keyof Arrow]: Arrow[key] } & {
  /** The number of steps and of runs of its receiver when it was sent. */
  readonly receiverSteps: number
  readonly receiverEnds: number
  /** The Lamport clock of the step in which a server sent it. */
  readonly sentClock: number | null
}

/** What is kept of a server besides its dots. */
interface Seen {
  /** In order. */
  readonly life: LifeChange[]
  steps: number
  /** How often it ended. */
  ends: number
  /** The latest record at which records were left out. */
  gapAt: number
}

interface Place {
  readonly dot: Dot | null
  readonly arrows: MutableArrow[]
  /** The number of dots before it. */
  readonly order: number
  /** Milliseconds since 1970; never decreases. */
  readonly timeMs: number
  /** Milliseconds since the first record, with long silences shortened. */
  readonly elapsedMs: number
}

/** A longer silence between two records counts as this much. */
export const longestSilenceMs = 100
/** Events at the same moment are this far apart, so that their order is visible. */
export const leastMs = 0.2

export class LaneModel {
  #places: Place[] = []
  #base = 0
  #last: InspectorRecord | null = null
  #cut: readonly CutLink[] = []
  #dots = 0
  #lastDot: Place | null = null
  #nextId = 0
  #longestSpan = 0
  readonly #servers = new Map<NodeId, Seen>()
  readonly #clients = new Map<string, { readonly firstAt: number; lastAt: number; isSeen: boolean }>()
  /** The name of each of the inspector's own clients, by its session. */
  readonly #clientOfSession = new Map<string, string>()
  readonly #inTransit = new InTransit<MutableArrow>()

  /** The number of the first record that is kept. */
  get first(): number {
    return this.#base
  }

  /** The number of the next record. */
  get end(): number {
    return this.#base + this.#places.length
  }

  /** No received arrow spans more records. */
  get longestSpan(): number {
    return this.#longestSpan
  }

  /** In order of id. */
  get servers(): readonly NodeId[] {
    return [...this.#servers.keys()].sort((a, b) => a - b)
  }

  /** In the order in which they were first seen. */
  get clients(): readonly LaneClient[] {
    return [...this.#clients].map(([name, { firstAt, lastAt }]) => ({ name, firstAt, lastAt }))
  }

  /** Adds the records that came since the last call. Begins again when the timeline was cleared since. */
  sync(timeline: Pick<Timeline, 'first' | 'end' | 'record' | 'records'>): void {
    if (this.#last !== null && timeline.end >= this.end && timeline.record(this.end - 1) !== this.#last) {
      this.#clear(timeline.first)
    }
    if (timeline.end < this.end || this.end < timeline.first) this.#clear(timeline.first)
    if (this.#places.length === 0) this.#base = timeline.first
    for (const record of timeline.records(this.end, timeline.end)) this.add(record)
    this.#letGo(timeline.first)
  }

  /** Adds the next record. A malformed record shows nothing. */
  add(record: InspectorRecord): void {
    const at = this.end
    let dot: Dot | null = null
    let isReadable = true
    try {
      dot = this.#dotOf(record, at)
    } catch {
      isReadable = false
    }
    const before = this.#places.at(-1)
    const recordMs = isReadable ? timeOf(record) : null
    const timeMs = Math.max(before?.timeMs ?? 0, Number.isFinite(recordMs) ? Number(recordMs) : 0)
    const place: Place = {
      dot,
      arrows: [],
      order: this.#dots,
      timeMs,
      elapsedMs: this.#elapsedMs(dot, timeMs),
    }
    this.#places.push(place)
    if (place.dot !== null) {
      this.#dots += 1
      this.#lastDot = place
    }
    this.#last = record
    try {
      if (isReadable) this.#take(at, record)
    } catch {
      // The readable part was added.
    }
  }

  /** The event of the record on a lane, if it has one. */
  dot(at: number): Dot | null {
    return this.#places[at - this.#base]?.dot ?? null
  }

  /** The messages that were sent or received in that record, or whose fate it reports. */
  arrowsAt(at: number): readonly Arrow[] {
    return this.#places[at - this.#base]?.arrows ?? []
  }

  /** The number of dots before record `at`, since the page was opened: its place on the axis by order. */
  orderOf(at: number): number {
    return this.#places[at - this.#base]?.order ?? this.#dots
  }

  /** Milliseconds since 1970; never less than those of the record before it. */
  timeOf(at: number): number {
    return (this.#places[at - this.#base] ?? this.#places.at(-1))?.timeMs ?? 0
  }

  /** The place of record `at` on the axis by time: milliseconds, with long silences shortened. */
  elapsedOf(at: number): number {
    const place = this.#places[at - this.#base]
    if (place !== undefined) return place.elapsedMs
    const last = this.#places.at(-1)
    return last === undefined ? 0 : last.elapsedMs + leastMs
  }

  /** The changes of a server's state, in order. */
  lifeOf(node: NodeId): readonly LifeChange[] {
    return this.#servers.get(node)?.life ?? []
  }

  /** The dots from record `from` to below `to`, and the arrows that touch this range. */
  window(from: number, to: number): { readonly dots: readonly Dot[]; readonly arrows: readonly Arrow[] } {
    const dots: Dot[] = []
    const arrows = new Set<Arrow>()
    const first = Math.max(from, this.#base)
    for (let at = Math.max(this.#base, first - this.#longestSpan); at < first; at += 1) {
      for (const arrow of this.arrowsAt(at)) {
        if (arrow.receivedAt !== null && arrow.receivedAt >= first) arrows.add(arrow)
      }
    }
    for (let at = first; at < Math.min(to, this.end); at += 1) {
      const place = this.#places[at - this.#base]
      if (place === undefined) break
      if (place.dot !== null) dots.push(place.dot)
      for (const arrow of place.arrows) arrows.add(arrow)
    }
    return { dots, arrows: [...arrows] }
  }

  /** The state of a message according to all records. */
  stateOf(arrow: Arrow): ArrowState {
    if (arrow.kind === 'own') return 'own'
    if (arrow.receivedAt !== null) return 'received'
    if (arrow.fate === 'dropped') return 'lost'
    if (typeof arrow.to === 'string') return this.#clients.get(arrow.to)?.isSeen ? 'flying' : 'unseen'
    const receiver = this.#servers.get(arrow.to)
    if (receiver === undefined) return 'unknown'
    if (receiver.life.at(-1)?.state === 'silent') return 'unseen'
    if (receiver.gapAt > (arrow.sentAt ?? -1)) return 'unknown'
    const { receiverSteps, receiverEnds } = arrow as MutableArrow
    const isGone = receiver.ends > receiverEnds || receiver.life.at(-1)?.state === 'gone'
    return isGone || receiver.steps - receiverSteps >= longUnreceived ? 'unreceived' : 'flying'
  }

  #dotOf(record: InspectorRecord, at: number): Dot | null {
    const plain = { at, timeMs: timeOf(record) ?? 0, executed: [], isSynced: false, leftOut: 0 }
    switch (record.kind) {
      case 'server': {
        const { node: party, record: own } = record
        if (own.kind === 'step') {
          const executed = own.facts.flatMap((fact) => (fact.type === 'executed' ? [fact.instance] : []))
          const isSynced = own.facts.some((fact) => fact.type === 'synced')
          const isCrash = own.facts.some((fact) => fact.type === 'crashed')
          return { ...plain, party, what: isCrash ? 'gone' : own.cause.type, executed, isSynced }
        }
        return own.kind === 'ended' && !this.#isGone(party) ? { ...plain, party, what: 'gone' } : null
      }
      case 'gap':
        return { ...plain, party: record.node, what: 'gap', leftOut: record.count }
      case 'process': {
        const { node: party, state } = record
        // A server may report its end itself, and its start implies that it is up. `silent` is no event.
        if (state === 'up' || state === 'silent' || (state === 'gone' && this.#isGone(party))) return null
        return { ...plain, party, what: state }
      }
      case 'client':
        return { ...plain, party: record.client, what: 'client' }
      case 'cluster':
      case 'links': {
        const cut = cutLinks(record)
        const [begun, ended] = [without(cut, this.#cut), without(this.#cut, cut)]
        const party = commonEnd(begun.length > 0 ? begun : ended)
        if (party === null) return null
        // Records of rules carry no time.
        const timeMs = timeOf(record) ?? this.#lastDot?.timeMs ?? 0
        return { ...plain, timeMs, party, what: begun.length > 0 ? 'cut' : 'healed' }
      }
      case 'verdict':
      case 'repeats':
      case 'milestones':
        return null
    }
    record satisfies never
    return null
  }

  /** Time passes from dot to dot. A record without a dot takes no room, however late it comes. */
  #elapsedMs(dot: Dot | null, timeMs: number): number {
    const before = this.#places.at(-1)
    if (before === undefined) return 0
    const least = before.elapsedMs + (before.dot === null ? 0 : leastMs)
    if (dot === null || this.#lastDot === null) return least
    const { elapsedMs, timeMs: lastMs } = this.#lastDot
    return Math.max(least, elapsedMs + Math.min(longestSilenceMs, timeMs - lastMs))
  }

  #take(at: number, record: InspectorRecord): void {
    switch (record.kind) {
      case 'cluster':
        for (const { id } of record.founders) this.#seen(id)
        this.#cut = cutLinks(record)
        return
      case 'server':
        this.#serverRecord(at, record.node, record.record)
        return
      case 'gap':
        this.#seen(record.node).gapAt = at
        return
      case 'process':
        this.#live(record.node, at, record.state === 'resumed' ? 'up' : record.state)
        return
      case 'client':
        this.#clientRecord(at, record)
        return
      case 'links':
        this.#cut = cutLinks(record)
        return
      case 'verdict':
      case 'repeats':
      case 'milestones':
        return
    }
    record satisfies never
  }

  #serverRecord(
    at: number,
    node: NodeId,
    record: Extract<InspectorRecord, { kind: 'server' }>['record'],
  ): void {
    switch (record.kind) {
      case 'step':
        this.#step(at, node, record)
        return
      case 'keyframe':
        if (this.#seen(node).life.at(-1)?.state !== 'paused') this.#live(node, at, 'up')
        return
      case 'ended':
        this.#live(node, at, 'gone')
        return
      case 'fate':
        this.#fate(at, node, record)
        return
      case 'heads':
        // Its actions since its last record are not known.
        this.#seen(node).gapAt = at
        return
      case 'service':
        return
    }
    record satisfies never
  }

  #step(at: number, node: NodeId, { cause, facts, clock }: StepRecord): void {
    const seen = this.#seen(node)
    seen.steps += 1
    if (cause.type === 'start' || seen.life.length === 0) this.#live(node, at, 'up')
    if (cause.type === 'hear') this.#receive(at, cause.sender, node, cause.message)
    if (cause.type === 'request') {
      const client = this.#clientParty(cause.message, cause.replyTo)
      this.#clientSeen(client, at)
      this.#receive(at, client, node, cause.message)
    }
    for (const fact of facts) {
      if (fact.type === 'said') this.#send(at, node, fact.to, fact.message, clock)
      if (fact.type === 'responded') {
        const client = this.#clientParty(fact.message, fact.to)
        this.#clientSeen(client, at)
        this.#send(at, node, client, fact.message, clock)
      }
      if (fact.type === 'crashed') this.#live(node, at, 'gone')
    }
  }

  #clientRecord(at: number, { client, heard, said }: ClientRecord): void {
    this.#clientSeen(client, at, true)
    for (const { message } of said) {
      const uid = uidOfMessage(message)
      if (uid !== null) this.#clientOfSession.set(uid, client)
    }
    if (heard !== null) this.#receive(at, heard.from, client, heard.message)
    for (const { to, message } of said) this.#send(at, client, to, message)
  }

  #send(at: number, from: PartyName, to: PartyName, message: LaneMessage, clock: number | null = null): void {
    const kind = from === to ? 'own' : entryOf(message).kind
    const key = keyOf(from, to, message)
    const arrow = this.#newArrow({ message, kind, from, to, sentAt: at, sentClock: clock })
    this.#put(at, arrow)
    if (kind === 'own') return
    const early = this.#inTransit.takeEarly(key, clock)
    if (early !== null) this.#meets(arrow, early.at, early.record, key)
    else this.#inTransit.add(key, arrow)
  }

  #receive(at: number, from: PartyName, to: PartyName, message: LaneMessage): void {
    const key = keyOf(from, to, message)
    const open = this.#inTransit.takeOldest(key)
    const before = this.#inTransit.lastReceived(key)
    const isCopy = open === null && before !== undefined
    const arrow =
      open ??
      this.#newArrow({
        message,
        kind: entryOf(message).kind,
        from,
        to,
        sentAt: before?.sentAt ?? null,
        isCopy,
      })
    arrow.receivedAt = at
    if (isCopy && arrow.sentAt !== null) this.#put(arrow.sentAt, arrow)
    this.#put(at, arrow)
    if (arrow.sentAt !== null) this.#longestSpan = Math.max(this.#longestSpan, at - arrow.sentAt)
    this.#inTransit.receive(key, arrow)
  }

  #fate(at: number, node: NodeId, record: FateRecord): void {
    const from = this.#partyOf(record.from, record.message)
    const to = this.#partyOf(record.to, record.message)
    const key = keyOf(from, to, record.message)
    // A fate in the same event as the sending concerns the copy that was sent last; otherwise the copy that is longest in
    // transit.
    const isJustSent = from === node && this.#inTransit.newest(key)?.sentClock === record.clock
    const arrow = isJustSent ? this.#inTransit.takeNewest(key) : this.#inTransit.takeOldest(key)
    if (arrow !== null) {
      this.#meets(arrow, at, record, key)
      return
    }
    if (typeof from === 'string' && !this.#clients.get(from)?.isSeen) {
      this.#clientSeen(from, at)
      const unsent = this.#newArrow({ message: record.message, kind: entryOf(record.message).kind, from, to })
      this.#meets(unsent, at, record, key)
      return
    }
    this.#inTransit.keepEarly(key, { at, record })
  }

  /** A message that is not dropped stays in transit, followed by a copy if it is duplicated. */
  #meets(arrow: MutableArrow, at: number, { fate, reason }: FateRecord, key: string): void {
    arrow.fateAt = at
    arrow.fate = fate
    arrow.reason = reason
    this.#put(at, arrow)
    if (fate === 'dropped') return
    this.#inTransit.add(key, arrow)
    if (fate !== 'duplicated') return
    const { message, kind, from, to, sentAt } = arrow
    const copy = this.#newArrow({ message, kind, from, to, sentAt, isCopy: true })
    this.#put(sentAt ?? at, copy)
    this.#inTransit.add(key, copy)
  }

  #newArrow(
    given: Pick<Arrow, 'message' | 'kind' | 'from' | 'to'> &
      Partial<Pick<MutableArrow, 'sentAt' | 'isCopy' | 'sentClock'>>,
  ): MutableArrow {
    const receiver = typeof given.to === 'number' ? this.#seen(given.to) : null
    const id = this.#nextId
    this.#nextId += 1
    return {
      id,
      sentAt: null,
      receivedAt: null,
      fateAt: null,
      fate: null,
      reason: null,
      isCopy: false,
      sentClock: null,
      ...given,
      label: entryOf(given.message).label(given.message),
      receiverSteps: receiver?.steps ?? 0,
      receiverEnds: receiver?.ends ?? 0,
    }
  }

  #put(at: number, arrow: MutableArrow): void {
    const arrows = this.#places[at - this.#base]?.arrows
    if (arrows !== undefined && !arrows.includes(arrow)) arrows.push(arrow)
  }

  /** A client is identified by the session in its messages, from any address. */
  #clientParty(message: LaneMessage, address: string): string {
    const uid = uidOfMessage(message)
    return uid === null ? address : (this.#clientOfSession.get(uid) ?? clientName(uid))
  }

  #partyOf(party: PartyName, message: LaneMessage): PartyName {
    return typeof party === 'number' ? party : this.#clientParty(message, party)
  }

  #clientSeen(name: string, at: number, isSeen = false): void {
    const before = this.#clients.get(name)
    if (before === undefined) {
      this.#clients.set(name, { firstAt: at, lastAt: at, isSeen })
      return
    }
    before.lastAt = at
    before.isSeen ||= isSeen
  }

  #seen(node: NodeId): Seen {
    const before = this.#servers.get(node)
    if (before !== undefined) return before
    const seen: Seen = { life: [], steps: 0, ends: 0, gapAt: -1 }
    this.#servers.set(node, seen)
    return seen
  }

  #isGone(node: NodeId): boolean {
    return this.#servers.get(node)?.life.at(-1)?.state === 'gone'
  }

  #live(node: NodeId, at: number, state: LifeChange['state']): void {
    const seen = this.#seen(node)
    if (seen.life.at(-1)?.state === state) return
    if (state === 'gone') seen.ends += 1
    seen.life.push({ at, state })
  }

  #letGo(first: number): void {
    if (first <= this.#base) return
    this.#places = this.#places.slice(first - this.#base)
    this.#base = first
    for (const [name, { lastAt }] of this.#clients) if (lastAt < first) this.#clients.delete(name)
    for (const [uid, name] of this.#clientOfSession) {
      if (!this.#clients.has(name)) this.#clientOfSession.delete(uid)
    }
    for (const { life } of this.#servers.values()) {
      // The last change before `first` gives the server's state at `first`.
      const kept = life.findLastIndex(({ at }) => at <= first)
      if (kept > 0) life.splice(0, kept)
    }
  }

  #clear(first: number): void {
    this.#places = []
    this.#base = first
    this.#last = null
    this.#cut = []
    this.#dots = 0
    this.#lastDot = null
    this.#longestSpan = 0
    this.#inTransit.clear()
    for (const table of [this.#servers, this.#clients, this.#clientOfSession]) table.clear()
  }
}

/** The links that are cut after the record. On a live cluster these are the links that a rule cuts in both directions. */
function cutLinks(record: Extract<InspectorRecord, { kind: 'cluster' | 'links' }>): readonly CutLink[] {
  if (record.kind === 'links') return record.cut
  return cutsIn(record.rules ?? []).flatMap(([a, b]) => [
    { from: a, to: b },
    { from: b, to: a },
  ])
}

function without(links: readonly CutLink[], others: readonly CutLink[]): readonly CutLink[] {
  return links.filter(({ from, to }) => !others.some((other) => other.from === from && other.to === to))
}

/** The server at one end of most of the links; `null` when they join no servers. */
function commonEnd(links: readonly CutLink[]): NodeId | null {
  const counts = new Map<NodeId, number>()
  for (const party of links.flatMap(({ from, to }) => [from, to])) {
    if (typeof party === 'number') counts.set(party, (counts.get(party) ?? 0) + 1)
  }
  const [most] = [...counts].sort(([a, times], [b, others]) => others - times || a - b)
  return most?.[0] ?? null
}
