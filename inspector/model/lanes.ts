/**
 * Who said what to whom, as the records tell: the dots and arrows of the space-time lanes. It goes on as records come, at a
 * cost that does not grow with what there is already, and it forgets what the page lets go.
 *
 * A message is said in one record and heard in another. Datagrams carry no number, so what is heard is matched with the
 * oldest of its copies that is still on its way.
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
import { type LaneMessage, type MessageKind, uidOfMessage } from './lane-messages.ts'
import { keyOf, OnTheirWay } from './on-their-way.ts'
import { type Timeline, timeOf } from './timeline.ts'

/** Something happened to somebody. */
export interface Dot {
  /** The number of the record. */
  readonly at: number
  readonly party: PartyName
  readonly timeMs: number
  readonly what: DotKind
  /** The instances that were executed, in order. */
  readonly executed: readonly Instance[]
  /** A sync ended well. */
  readonly isSynced: boolean
  /** Records of the server that were left out, of `gap`. */
  readonly leftOut: number
}

/** `cut` and `healed` stand at the lane of whoever the links lead from and to. */
export type DotKind = Cause['type'] | 'client' | 'gone' | 'paused' | 'resumed' | 'gap' | 'cut' | 'healed'

/** A message, from where it was said to where it was heard. */
export interface Arrow {
  readonly id: number
  readonly message: LaneMessage
  /** What stands at it: `accept 1.0 #4`. */
  readonly label: string
  readonly kind: MessageKind
  readonly from: PartyName
  readonly to: PartyName
  /** The record in which it was said; `null` when nobody told of that. */
  readonly saidAt: number | null
  /** The record in which it was heard. */
  readonly heardAt: number | null
  /** The record that tells of its fate. */
  readonly fateAt: number | null
  readonly fate: FateRecord['fate'] | null
  /** Why it met with that. */
  readonly reason: string | null
  /** A further copy of what was said once. */
  readonly isCopy: boolean
}

/**
 * What became of a message. `unheard`: nobody lost it that we know of, but its receiver ended or has gone on for long without
 * it. `unknown`: records of the receiver were left out since. `unseen`: its receiver tells nothing, as a client does.
 */
export type ArrowState = 'flying' | 'heard' | 'own' | 'lost' | 'unheard' | 'unknown' | 'unseen'

/** What a server is from a record on. */
export interface LifeChange {
  readonly at: number
  readonly state: 'up' | 'gone' | 'paused' | 'silent'
}

/** A client of which something was seen. */
export interface LaneClient {
  readonly name: string
  /** The numbers of the first record in which it had a part, and of the latest. */
  readonly firstAt: number
  readonly lastAt: number
}

/** Steps that a receiver takes before a message to it that it has not heard is held to be not heard of. */
export const longUnheard = 100

type MutableArrow = { -readonly [key in keyof Arrow]: Arrow[key] } & {
  /** How many steps its receiver had taken, and which run of it was on, when it was said. */
  readonly receiverSteps: number
  readonly receiverEnds: number
  /** Lamport's, of the step in which a server said it. */
  readonly saidClock: number | null
}

/** What is remembered of a server, beside its dots. */
interface Seen {
  /** In order. */
  readonly life: LifeChange[]
  steps: number
  /** How often it ended. */
  ends: number
  /** The latest record at which something was left out. */
  gapAt: number
}

interface Place {
  readonly dot: Dot | null
  readonly arrows: MutableArrow[]
  /** Dots before it, in all. */
  readonly order: number
  /** Milliseconds since 1970; never less than before. */
  readonly timeMs: number
  /** Milliseconds since the first record, without what is long of the silences. */
  readonly elapsedMs: number
}

/** Of a longer silence between two records only so much is counted. */
export const longestSilenceMs = 100
/** What happens at one moment still takes so much time each, so that its order is seen. */
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
  /** What a client of the inspector's own is called, by the session that it uses. */
  readonly #clientOfSession = new Map<string, string>()
  readonly #onTheirWay = new OnTheirWay<MutableArrow>()

  /** The number of the first record that is remembered. */
  get first(): number {
    return this.#base
  }

  /** The number of the next record. */
  get end(): number {
    return this.#base + this.#places.length
  }

  /** No arrow that was heard spans more records. */
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

  /** Takes what came since the last time; begins again when the timeline was cleared in between. */
  sync(timeline: Pick<Timeline, 'first' | 'end' | 'record' | 'records'>): void {
    if (this.#last !== null && timeline.end >= this.end && timeline.record(this.end - 1) !== this.#last) {
      this.#clear(timeline.first)
    }
    if (timeline.end < this.end || this.end < timeline.first) this.#clear(timeline.first)
    if (this.#places.length === 0) this.#base = timeline.first
    for (const record of timeline.records(this.end, timeline.end)) this.add(record)
    this.#letGo(timeline.first)
  }

  /** Takes the next record. Of one that cannot be read nothing is shown. */
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
    const toldMs = isReadable ? timeOf(record) : null
    const timeMs = Math.max(before?.timeMs ?? 0, Number.isFinite(toldMs) ? Number(toldMs) : 0)
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
      // As far as it could be read, it was taken.
    }
  }

  /** What happened in that record to somebody with a lane, if it did. */
  dot(at: number): Dot | null {
    return this.#places[at - this.#base]?.dot ?? null
  }

  /** The messages that were said or heard in that record, or of whose fate it tells. */
  arrowsAt(at: number): readonly Arrow[] {
    return this.#places[at - this.#base]?.arrows ?? []
  }

  /** Dots before record `at`, since the page was opened: the place of the record when each dot takes as much room. */
  orderOf(at: number): number {
    return this.#places[at - this.#base]?.order ?? this.#dots
  }

  /** Milliseconds since 1970; never less than that of the record before it. */
  timeOf(at: number): number {
    return (this.#places[at - this.#base] ?? this.#places.at(-1))?.timeMs ?? 0
  }

  /** The place of record `at` when each moment takes as much room: milliseconds, of long silences only the beginning. */
  elapsedOf(at: number): number {
    const place = this.#places[at - this.#base]
    if (place !== undefined) return place.elapsedMs
    const last = this.#places.at(-1)
    return last === undefined ? 0 : last.elapsedMs + leastMs
  }

  /** The changes in what a server is, in order. */
  lifeOf(node: NodeId): readonly LifeChange[] {
    return this.#servers.get(node)?.life ?? []
  }

  /** The dots from record `from` on and below `to`, and the arrows of which a part is there. */
  window(from: number, to: number): { readonly dots: readonly Dot[]; readonly arrows: readonly Arrow[] } {
    const dots: Dot[] = []
    const arrows = new Set<Arrow>()
    const first = Math.max(from, this.#base)
    for (let at = Math.max(this.#base, first - this.#longestSpan); at < first; at += 1) {
      for (const arrow of this.arrowsAt(at)) {
        if (arrow.heardAt !== null && arrow.heardAt >= first) arrows.add(arrow)
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

  /** What has become of a message, as far as all records tell. */
  stateOf(arrow: Arrow): ArrowState {
    if (arrow.kind === 'own') return 'own'
    if (arrow.heardAt !== null) return 'heard'
    if (arrow.fate === 'dropped') return 'lost'
    if (typeof arrow.to === 'string') return this.#clients.get(arrow.to)?.isSeen ? 'flying' : 'unseen'
    const receiver = this.#servers.get(arrow.to)
    if (receiver === undefined) return 'unknown'
    if (receiver.life.at(-1)?.state === 'silent') return 'unseen'
    if (receiver.gapAt > (arrow.saidAt ?? -1)) return 'unknown'
    const { receiverSteps, receiverEnds } = arrow as MutableArrow
    const isGone = receiver.ends > receiverEnds || receiver.life.at(-1)?.state === 'gone'
    return isGone || receiver.steps - receiverSteps >= longUnheard ? 'unheard' : 'flying'
  }

  #dotOf(record: InspectorRecord, at: number): Dot | null {
    const plain = { at, timeMs: timeOf(record) ?? 0, executed: [], isSynced: false, leftOut: 0 }
    switch (record.kind) {
      case 'server': {
        const { node: party, record: told } = record
        if (told.kind === 'step') {
          const executed = told.facts.flatMap((fact) => (fact.type === 'executed' ? [fact.instance] : []))
          const isSynced = told.facts.some((fact) => fact.type === 'synced')
          const isCrash = told.facts.some((fact) => fact.type === 'crashed')
          return { ...plain, party, what: isCrash ? 'gone' : told.cause.type, executed, isSynced }
        }
        return told.kind === 'ended' && !this.#isGone(party) ? { ...plain, party, what: 'gone' } : null
      }
      case 'gap':
        return { ...plain, party: record.node, what: 'gap', leftOut: record.count }
      case 'process': {
        const { node: party, state } = record
        // That it is gone it may have said itself; that it is up, its start says. That it tells nothing is no event.
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
        // Of rules it is not told when they changed.
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

  /** Time passes from dot to dot: a record that has none takes no room, however late it comes. */
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
        // What it did since its last record is not known.
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
    if (cause.type === 'hear') this.#hear(at, cause.sender, node, cause.message)
    if (cause.type === 'request') {
      const client = this.#clientParty(cause.message, cause.replyTo)
      this.#clientSeen(client, at)
      this.#hear(at, client, node, cause.message)
    }
    for (const fact of facts) {
      if (fact.type === 'said') this.#say(at, node, fact.to, fact.message, clock)
      if (fact.type === 'responded') {
        const client = this.#clientParty(fact.message, fact.to)
        this.#clientSeen(client, at)
        this.#say(at, node, client, fact.message, clock)
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
    if (heard !== null) this.#hear(at, heard.from, client, heard.message)
    for (const { to, message } of said) this.#say(at, client, to, message)
  }

  #say(at: number, from: PartyName, to: PartyName, message: LaneMessage, clock: number | null = null): void {
    const kind = from === to ? 'own' : entryOf(message).kind
    const key = keyOf(from, to, message)
    const arrow = this.#newArrow({ message, kind, from, to, saidAt: at, saidClock: clock })
    this.#put(at, arrow)
    if (kind === 'own') return
    const early = this.#onTheirWay.takeEarly(key, clock)
    if (early !== null) this.#meets(arrow, early.at, early.record, key)
    else this.#onTheirWay.add(key, arrow)
  }

  #hear(at: number, from: PartyName, to: PartyName, message: LaneMessage): void {
    const key = keyOf(from, to, message)
    const open = this.#onTheirWay.takeOldest(key)
    const before = this.#onTheirWay.lastHeard(key)
    const isCopy = open === null && before !== undefined
    const arrow =
      open ??
      this.#newArrow({
        message,
        kind: entryOf(message).kind,
        from,
        to,
        saidAt: before?.saidAt ?? null,
        isCopy,
      })
    arrow.heardAt = at
    if (isCopy && arrow.saidAt !== null) this.#put(arrow.saidAt, arrow)
    this.#put(at, arrow)
    if (arrow.saidAt !== null) this.#longestSpan = Math.max(this.#longestSpan, at - arrow.saidAt)
    this.#onTheirWay.hear(key, arrow)
  }

  #fate(at: number, node: NodeId, record: FateRecord): void {
    const from = this.#partyOf(record.from, record.message)
    const to = this.#partyOf(record.to, record.message)
    const key = keyOf(from, to, record.message)
    // Told of in the event in which it was said, it is the copy that was said last; else the one that is longest on its way.
    const isJustSaid = from === node && this.#onTheirWay.newest(key)?.saidClock === record.clock
    const arrow = isJustSaid ? this.#onTheirWay.takeNewest(key) : this.#onTheirWay.takeOldest(key)
    if (arrow !== null) {
      this.#meets(arrow, at, record, key)
      return
    }
    if (typeof from === 'string' && !this.#clients.get(from)?.isSeen) {
      this.#clientSeen(from, at)
      const unsaid = this.#newArrow({ message: record.message, kind: entryOf(record.message).kind, from, to })
      this.#meets(unsaid, at, record, key)
      return
    }
    this.#onTheirWay.keepEarly(key, { at, record })
  }

  /** What is not dropped goes on its way, and behind it a copy of what is duplicated. */
  #meets(arrow: MutableArrow, at: number, { fate, reason }: FateRecord, key: string): void {
    arrow.fateAt = at
    arrow.fate = fate
    arrow.reason = reason
    this.#put(at, arrow)
    if (fate === 'dropped') return
    this.#onTheirWay.add(key, arrow)
    if (fate !== 'duplicated') return
    const { message, kind, from, to, saidAt } = arrow
    const copy = this.#newArrow({ message, kind, from, to, saidAt, isCopy: true })
    this.#put(saidAt ?? at, copy)
    this.#onTheirWay.add(key, copy)
  }

  #newArrow(
    given: Pick<Arrow, 'message' | 'kind' | 'from' | 'to'> &
      Partial<Pick<MutableArrow, 'saidAt' | 'isCopy' | 'saidClock'>>,
  ): MutableArrow {
    const receiver = typeof given.to === 'number' ? this.#seen(given.to) : null
    const id = this.#nextId
    this.#nextId += 1
    return {
      id,
      saidAt: null,
      heardAt: null,
      fateAt: null,
      fate: null,
      reason: null,
      isCopy: false,
      saidClock: null,
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

  /** A client is known by the session in its messages, wherever they came from. */
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
      // The last of those before it tells what the server is at `first`.
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
    this.#onTheirWay.clear()
    for (const table of [this.#servers, this.#clients, this.#clientOfSession]) table.clear()
  }
}

/** Which links are cut after the record: on a live cluster, those over which a rule lets nothing pass in either direction. */
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

/** The server at an end of most of the links; `null` when they lead between no servers. */
function commonEnd(links: readonly CutLink[]): NodeId | null {
  const counts = new Map<NodeId, number>()
  for (const party of links.flatMap(({ from, to }) => [from, to])) {
    if (typeof party === 'number') counts.set(party, (counts.get(party) ?? 0) + 1)
  }
  const [most] = [...counts].sort(([a, times], [b, others]) => others - times || a - b)
  return most?.[0] ?? null
}
