/**
 * Servers fall silent for good, wherever a schedule has led a cluster. The others must end every request without them: what they waited
 * for never comes. Invariant 11, from one state.
 */
import type { Command, Instance, NodeId } from '../../machines/batch.ts'
import type { ClientContext } from '../../machines/client.ts'
import { countedMembers, isCounted, type Member } from '../../machines/members.ts'
import { isQuorum } from '../../machines/quorum.ts'
import { drawRandom } from '../../machines/random.ts'
import { stateName } from '../../src/core/chart-names.ts'
import { applyEvent } from '../../src/schedule/apply.ts'
import { serverAskedBy } from '../../src/schedule/client.ts'
import type {
  ClusterSettings,
  ClusterState,
  Flying,
  RequestState,
  ServerState,
} from '../../src/schedule/cluster.ts'
import type { ClusterEvent } from '../../src/schedule/events.ts'
import type { Judge } from '../../src/schedule/judge.ts'
import { timersOf } from '../../src/schedule/possible.ts'
import { type ForceCommand, lockCommand, unlockCommand } from '../../src/services/lock-commands.ts'
import { unsyncedWrites } from '../../src/stepped/disk.ts'
import { checkProgress, checkQuiet } from '../../src/verify/liveness.ts'

export interface Silence {
  readonly settings: ClusterSettings
  /** Where the cluster is. */
  readonly state: ClusterState
  /** What has judged the way there. */
  readonly judge: Judge
  /** These say nothing from now on, and hear nothing. */
  readonly silent: readonly NodeId[]
  /** Before that, the others come to rely on them. */
  readonly isLeaning: boolean
  /** What else is drawn: whether they crash or are cut off, what becomes of datagrams in flight, when new requests come. */
  readonly seed: number
}

export interface Silenced {
  /** What happened from the silence on. */
  readonly events: readonly ClusterEvent[]
  /** `ended`: every request has; `no quorum`: the members are such that the others can have nothing chosen. */
  readonly verdict: 'ended' | 'no quorum' | Error
}

/** In virtual milliseconds: the longest waits of all charts, one after the other, and room for a duel. */
const patienceMs = 60_000

/** A delayed request is asked about twice in this time, so that what nobody works on is settled: virtual milliseconds. */
const restMs = 3_500

const eventLimit = 20_000

const freeing: Command = { kind: 'service', body: { action: 'force', name: 'x' } satisfies ForceCommand }

/** Runs it to the end. Every invariant is judged after every event, progress at the end. */
export function fallSilent(silence: Silence): Silenced {
  const trial = new Trial(silence)
  try {
    return { verdict: trial.go(), events: trial.events }
  } catch (error) {
    return { verdict: error as Error, events: trial.events }
  }
}

/**
 * `live` is a quorum of the members as its best informed server has them, which are those that must have the next batch chosen, and of
 * the later members that only others know of.
 */
export function hasQuorum(state: ClusterState, settings: ClusterSettings, live: readonly NodeId[]): boolean {
  const views = state.servers.flatMap((server) => viewOf(state, settings, server))
  const known = views.filter(({ id }) => live.includes(id)).map(({ firstUnexecuted }) => firstUnexecuted)
  const next = Math.max(0, ...known)
  return views
    .filter(({ firstUnexecuted }) => firstUnexecuted >= next)
    .every(({ members }) => {
      const voters = live.filter((id) => isCounted(members, id, state.servers[id]?.incarnation ?? ''))
      return isQuorum(countedMembers(members), voters)
    })
}

interface View {
  readonly id: NodeId
  readonly firstUnexecuted: Instance
  readonly members: readonly Member[]
}

/** What a server knows of the members; of one that is down, what it would know. */
function viewOf(state: ClusterState, settings: ClusterSettings, { id, node }: ServerState): readonly View[] {
  if (node.running !== null) return [{ id, ...node.running.replica }]
  const started = applyEvent(state, { type: 'restart', server: id }, settings).state.servers[id]
  return started === undefined || started.node.running === null
    ? []
    : [{ id, ...started.node.running.replica }]
}

class Trial {
  readonly events: ClusterEvent[] = []
  readonly #silence: Silence
  readonly #judge: Judge
  readonly #live: readonly NodeId[]
  #firstLater = 0
  #hasFallenSilent = false
  /** The names of clients, by what they are for. */
  readonly #clients = new Map<string, string>()
  #state: ClusterState
  #random: number

  constructor(silence: Silence) {
    const { state, silent, judge, seed } = silence
    this.#silence = silence
    this.#judge = judge.copy()
    this.#state = state
    this.#random = seed
    this.#live = state.servers.map(({ id }) => id).filter((id) => !silent.includes(id))
  }

  go(): 'ended' | 'no quorum' {
    if (!this.#isServed()) return 'no quorum'
    if (this.#silence.isLeaning) this.#leanOnSilentOnes()
    const asksAtOnce = this.#draw(2) === 0
    const loss = ['none', 'all', 'some'][this.#draw(3)]
    this.#fallSilent(this.#draw(2) === 0)
    for (const { id } of this.#state.flying) {
      if (loss === 'all' || (loss === 'some' && this.#draw(2) === 0))
        this.#happen({ type: 'drop', flight: id })
    }
    if (asksAtOnce) this.#askAtEach('early')
    if (!this.#endAll()) return 'no quorum'
    this.#askAtEach('late')
    return this.#endAll() ? 'ended' : 'no quorum'
  }

  /**
   * The others come to rely on those that will be silent. The first of these has batches chosen, each with the help of some others, which
   * do not learn what was chosen; then everybody asks, and is answered by them alone.
   */
  #leanOnSilentOnes(): void {
    const { silent } = this.#silence
    const [leader = 0] = silent
    for (const id of silent) {
      if (this.#state.servers[id]?.node.running === null) this.#happen({ type: 'restart', server: id })
    }
    for (let batches = this.#draw(5); batches > 0; batches -= 1) {
      // A client that was turned away asks another server.
      const client = this.#newClient()
      const others = this.#state.servers
        .map(({ id }) => id)
        .filter((id) => id !== leader && this.#draw(2) === 0)
      this.#happen({ type: 'request', client, server: leader, command: lock(client) })
      this.#converse((a, b) => [a, b].includes(leader) && (others.includes(a) || others.includes(b)))
    }
    if (this.#draw(3) === 0) return
    // The clients may have left the leader. Then the servers do not hand the requests over to it: they prepare.
    this.#askAtEach('relying', this.#draw(2) === 0 ? leader : undefined)
    this.#converse((a, b) => silent.includes(a) || silent.includes(b))
  }

  /** For a while messages arrive between those servers only; nobody is told what was chosen. */
  #converse(areHeard: (from: NodeId, to: NodeId) => boolean): void {
    for (let timers = 3; ; ) {
      const event = this.#nextInOrder()
      if (event === null) return
      if (event.type === 'timer' || event.type === 'client.timer') {
        if (timers === 0) return
        timers -= 1
      }
      this.#happen(
        event.type === 'deliver' && !this.#isHeard(event.flight, areHeard)
          ? { ...event, type: 'drop' }
          : event,
      )
    }
  }

  #isHeard(flight: number, areHeard: (from: NodeId, to: NodeId) => boolean): boolean {
    const { from, to, message } = this.#state.flying.find(({ id }) => id === flight) as Flying
    if (typeof from === 'string' || typeof to === 'string') return true
    return message.type !== 'learn' && message.type !== 'chosen' && areHeard(from, to)
  }

  #isServed(): boolean {
    return hasQuorum(this.#state, this.#silence.settings, this.#live)
  }

  /** From 0 on, below `below`. */
  #draw(below: number): number {
    const { seed, value } = drawRandom(this.#random)
    this.#random = seed
    return Math.floor(value * below)
  }

  #happen(event: ClusterEvent): void {
    if (this.events.length >= eventLimit) throw new Error(`no end after ${eventLimit} events`)
    this.events.push(event)
    const before = this.#state
    const step = applyEvent(before, event, this.#silence.settings)
    this.#state = step.state
    this.#judge.judge(before, step)
  }

  /** The silent ones crash or are cut off; everybody else is there, and connected. */
  #fallSilent(isCrash: boolean): void {
    this.#firstLater = this.#state.nextFlight
    this.#hasFallenSilent = true
    this.#happen({ type: 'heal' })
    for (const id of this.#silence.silent) {
      const { node } = this.#state.servers[id] as ServerState
      if (!isCrash) {
        const links = this.#live.flatMap((other) => [
          { from: id, to: other },
          { from: other, to: id },
        ])
        this.#happen({ type: 'cut', links })
      } else if (node.running !== null) {
        const survived = this.#draw(unsyncedWrites(node.disk) + 1)
        this.#happen({ type: 'crash', server: id, survived })
      }
    }
    for (const id of this.#live) {
      if (this.#state.servers[id]?.node.running === null) this.#happen({ type: 'restart', server: id })
    }
  }

  /** The name of a further client. Its session is open, since it is a letter; `z` is that of the operator. */
  #newClient(): string {
    const used = new Set([...this.#state.clients.map(({ name }) => name), ...this.#clients.values()])
    const free = [...'abcdefghijklmnopqrstuvwxy'].find((name) => !used.has(name))
    if (free === undefined) throw new Error(`${used.size} clients: there is no letter for another one`)
    return free
  }

  /** The client that asks one server at one time. */
  #clientOf(purpose: string): string {
    const known = this.#clients.get(purpose) ?? this.#newClient()
    this.#clients.set(purpose, known)
    return known
  }

  /** A client asks each live server. With `avoid` it has just left that server. */
  #askAtEach(when: string, avoid?: NodeId): void {
    for (const server of this.#live) {
      const client = this.#clientOf(`${when}${server}`)
      const asked = serverAskedBy(this.#state, client) ?? server
      const left = avoid === undefined ? {} : { avoid }
      this.#happen({ type: 'request', client, server: asked, command: lock(client), ...left })
    }
  }

  /** True when every request has ended; false when the others are no quorum. Throws a `Violation` when neither comes to be. */
  #endAll(): boolean {
    for (let rounds = this.#mayHold() + 2; rounds > 0; rounds -= 1) {
      this.#comeToRest(rounds === 1)
      if (!this.#isServed()) return false
      if (this.#open().length === 0) {
        this.#comeToSilence()
        return true
      }
      this.#free()
    }
    checkProgress(this.#open(), this.#state.nowMs)
    return true
  }

  /**
   * An operator frees the lock that others wait for; somebody must have held it. An UNLOCK would not free what was granted to a client
   * that gave up and vanished, since that client never collected it; and sessions without a ttl do not end.
   */
  #free(): void {
    const [server = 0] = this.#live
    this.#happen({ type: 'request', client: 'z', server, command: freeing })
    const { seq } = this.#state.clients.find(({ name }) => name === 'z')?.requests.at(-1) ?? { seq: 0 }
    const waiting = this.#open().filter(({ uid }) => uid !== 'z')
    this.#comeToRest(false, () => this.#outcomeOf('z', seq) !== null)
    if (!this.#isServed()) return
    const outcome = this.#outcomeOf('z', seq)
    if (outcome === null) checkProgress(this.#open(), this.#state.nowMs)
    if (JSON.stringify(outcome).includes('"freed":false')) checkProgress(waiting, this.#state.nowMs)
  }

  #outcomeOf(client: string, seq: number): RequestState['outcome'] {
    return this.#state.clients.find(({ name }) => name === client)?.requests[seq - 1]?.outcome ?? null
  }

  /** Until nothing goes on but that requests wait for a lock, for long enough; or, when it `isLast`, until they end. */
  #comeToRest(isLast: boolean, isDone = () => this.#open().length === 0): void {
    const endMs = this.#state.nowMs + patienceMs
    let restedSinceMs: number | null = null
    while (!isDone() && this.#state.nowMs < endMs) {
      const event = this.#nextInOrder()
      if (event === null) return
      this.#happen(event)
      if (!this.#isAtRest()) restedSinceMs = null
      else if (restedSinceMs === null) restedSinceMs = this.#state.nowMs
      else if (!isLast && this.#state.nowMs >= restedSinceMs + restMs) return
    }
  }

  /** With nothing asked for, no live server goes on for ever: invariant 12. */
  #comeToSilence(): void {
    const endMs = this.#state.nowMs + patienceMs
    const timers = () => this.#live.flatMap((id) => this.#state.servers[id]?.node.running?.timers ?? [])
    while (timers().length > 0 && this.#state.nowMs < endMs) {
      const event = this.#nextInOrder()
      if (event === null) return
      this.#happen(event)
    }
    checkQuiet({ datagrams: 0, timers: timers().length })
  }

  /** First every sync, then the oldest datagram, then the timer that is due next. */
  #nextInOrder(): ClusterEvent | null {
    const { servers, flying } = this.#state
    const syncing = servers.find(({ node }) => node.running !== null && node.disk.syncing.length > 0)
    if (syncing !== undefined) return { type: 'sync', server: syncing.id }
    const [datagram] = flying
    if (datagram !== undefined) {
      return {
        type: this.#hasFallenSilent && this.#isLost(datagram) ? 'drop' : 'deliver',
        flight: datagram.id,
      }
    }
    return timersOf(this.#state)[0]?.event ?? null
  }

  /** What is sent to a silent server, or by one since it is silent. */
  #isLost({ id, from, to }: Flying): boolean {
    const isSilent = (party: NodeId | string) => this.#silence.silent.some((server) => server === party)
    return isSilent(to) || (isSilent(from) && id >= this.#firstLater)
  }

  /** No live server waits for anything, and every open request is held by one. */
  #isAtRest(): boolean {
    const { servers, clients } = this.#state
    const isIdle = this.#live.every((id) => {
      const server = servers[id]
      // A learner that asks for news because a client asks again is at rest between one time and the next.
      return (server?.node.running?.timers ?? []).every(({ id: timer }) => timer.includes('.inquiring'))
    })
    const areHeld = clients.every(({ snapshot }) => {
      const state = stateName(snapshot.value)
      const { server } = snapshot.context as ClientContext
      return state === 'idle' || (state === 'waiting' && this.#live.includes(server))
    })
    return isIdle && areHeld
  }

  #open(): readonly { readonly uid: string; readonly seq: number }[] {
    return this.#state.clients.flatMap(({ name, requests }) =>
      requests.filter(({ outcome }) => outcome === null).map(({ seq }) => ({ uid: name, seq })),
    )
  }

  /** How many requests may be given the lock yet, those among them that were given up. */
  #mayHold(): number {
    return this.#state.clients.flatMap(({ requests }) =>
      requests.filter(({ outcome }) => outcome === null || outcome === 'given up'),
    ).length
  }
}

export function lock(name: string): Command {
  return { kind: 'service', body: lockCommand(name) }
}

export function unlock(name: string): Command {
  return { kind: 'service', body: unlockCommand(name) }
}
