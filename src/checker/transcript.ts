/** A schedule of a search as a transcript, which can be read, stored and replayed by complete nodes without reduction. */
import type { NodeId } from '../../machines/batch.ts'
import { applyEvent, foundCluster } from '../schedule/apply.ts'
import type { ClusterSettings, ClusterState, Flying } from '../schedule/cluster.ts'
import type { ClusterEvent } from '../schedule/events.ts'
import type { FinishedTranscript } from '../transcript/file.ts'
import { writeTranscript } from '../transcript/write.ts'
import { type Bounds, batchMs } from './bounds.ts'
import { type Adapt, avoidedFor, boundedSettings, withBatchTime } from './cluster.ts'
import type { CheckedEvent } from './events.ts'

const aboutTime = [
  `Each batch adds ${batchMs} ms to the replicated clock, as in the search. A transcript that runs again measures the time, so it may differ.`,
]

/** The transcript of `events` within `bounds`. `about` are the lines of its first comment. */
export function transcriptOf(
  bounds: Bounds,
  events: readonly CheckedEvent[],
  about: readonly string[],
  adapt: Adapt = (settings) => settings,
): FinishedTranscript {
  const schedule = new Schedule(bounds, adapt(boundedSettings(bounds)))
  events.forEach((event, place) => {
    schedule.take(event, events.slice(place + 1))
  })
  const { servers, ending, snapshotEvery = null } = bounds
  const chosen = { servers, snapshotEvery, events: schedule.events }
  if (ending === undefined) return writeTranscript({ ...chosen, about }, { adapt })
  return writeTranscript(
    { ...chosen, ending, about: [...about, ...aboutTime] },
    { adapt: (settings) => adapt(withBatchTime(settings)) },
  )
}

/** Builds a schedule while it applies the events to a cluster. */
class Schedule {
  readonly events: ClusterEvent[] = []
  readonly #bounds: Bounds
  readonly #settings: ClusterSettings
  #isBroken = false
  #state: ClusterState

  constructor(bounds: Bounds, settings: ClusterSettings) {
    this.#bounds = bounds
    this.#settings = settings
    this.#state = foundCluster(settings).state
    for (let joining = 0; joining < bounds.joining; joining += 1) {
      this.#happen({ type: 'join', server: bounds.servers + joining })
    }
  }

  /** `later` are the events after `event`: a datagram that is delivered again later is duplicated now. */
  take(event: CheckedEvent, later: readonly CheckedEvent[]): void {
    const isLast = later.length === 0
    switch (event.type) {
      case 'deliver':
        this.#deliver(event, later)
        break
      case 'request':
        this.#request(event, later)
        break
      case 'read':
        this.#read(event, later)
        break
      case 'start':
        this.#happen({ type: 'restart', server: event.server }, isLast)
        break
      case 'timer':
      case 'sync':
      case 'crash':
        this.#happen(event, isLast)
        break
      default:
        event satisfies never
    }
    if (this.#bounds.syncs === 'atOnce') this.#endSyncs(event.server, isLast)
  }

  /** The last event may throw: it may be the violation that the transcript shows. */
  #happen(event: ClusterEvent, isLast = false): void {
    this.events.push(event)
    try {
      this.#state = applyEvent(this.#state, event, this.#settings).state
    } catch (error) {
      if (!isLast) throw error
      this.#isBroken = true
    }
  }

  #endSyncs(server: NodeId, isLast: boolean): void {
    // An event that throws does not change the cluster: the same sync would remain in progress for ever.
    while (!this.#isBroken && (this.#state.servers[server]?.node.disk.syncing.length ?? 0) > 0) {
      this.#happen({ type: 'sync', server }, isLast)
    }
  }

  #deliver(event: Extract<CheckedEvent, { type: 'deliver' }>, later: readonly CheckedEvent[]): void {
    const { from, server: to, message } = event
    const flight = this.#flight(
      (flying) => flying.from === from && flying.to === to && isSame(flying.message, message),
      `no ${message.type} is in flight from ${from} to ${to}`,
    )
    const isAgain = later.some(
      (other) =>
        other.type === 'deliver' &&
        other.from === from &&
        other.server === to &&
        isSame(other.message, message),
    )
    if (isAgain) this.#happen({ type: 'duplicate', flight })
    this.#happen({ type: 'deliver', flight }, later.length === 0)
  }

  #request(
    { client, seq, server }: Extract<CheckedEvent, { type: 'request' }>,
    later: readonly CheckedEvent[],
  ): void {
    const isFlying = ({ from, to, message }: Flying) =>
      from === client && to === server && message.type === 'request' && holds(message.requests, seq)
    const known = this.#state.clients.find(({ name }) => name === client)?.requests.length ?? 0
    if (known < seq) this.#ask(client, seq, server, later)
    const flight = this.#flight(isFlying, `no request ${client}#${seq} is in flight to ${server}`)
    this.#happen({ type: 'deliver', flight }, later.length === 0)
  }

  #read({ client, server }: Extract<CheckedEvent, { type: 'read' }>, later: readonly CheckedEvent[]): void {
    const found = this.#bounds.reads?.find((read) => read.client === client)
    if (found === undefined) throw new Error(`the client ${client} has no read`)
    const known = this.#state.clients.find(({ name }) => name === client)?.reads.length ?? 0
    if (known === 0) this.#happen({ type: 'read', client, server, body: found.body })
    const flight = this.#flight(
      ({ from, to, message }) => from === client && to === server && message.type === 'read',
      `no read of ${client} is in flight to ${server}`,
    )
    const isAgain = later.some((other) => other.type === 'read' && other.client === client)
    if (isAgain) this.#happen({ type: 'duplicate', flight })
    this.#happen({ type: 'deliver', flight }, later.length === 0)
  }

  /** The client sends a request, after the answer to its previous one, and all copies that arrive later. */
  #ask(client: string, seq: number, server: NodeId, later: readonly CheckedEvent[]): void {
    const found = this.#bounds.requests.find((request) => request.client === client && request.seq === seq)
    if (found === undefined) throw new Error(`the client ${client} has no request ${seq}`)
    if (seq > 1) {
      const flight = this.#flight(
        ({ to, message }) => to === client && message.type === 'response' && holds(message.answers, seq - 1),
        `no answer to ${client}#${seq - 1} is in flight`,
      )
      this.#happen({ type: 'deliver', flight })
    }
    this.#happen({
      type: 'request',
      client,
      server,
      command: found.command,
      ...avoidedFor(this.#bounds, server),
    })
    for (const other of later) {
      if (other.type !== 'request' || other.client !== client || other.seq !== seq) continue
      const avoid = avoidedFor(this.#bounds, other.server)
      this.#happen({ type: 'resend', client, seq, server: other.server, ...avoid })
    }
  }

  #flight(isWanted: (flying: Flying) => boolean, reason: string): number {
    const found = this.#state.flying.find(isWanted)
    if (found === undefined) throw new Error(reason)
    return found.id
  }
}

function holds(some: readonly { readonly seq: number }[], seq: number): boolean {
  return some.some((one) => one.seq === seq)
}

/** Compares without elapsed times: time is constant in a search, but passes in a schedule. */
function isSame(some: unknown, other: unknown): boolean {
  const timeless = (key: string, value: unknown) => (key === 'elapsedMs' ? 0 : value)
  return JSON.stringify(some, timeless) === JSON.stringify(other, timeless)
}
