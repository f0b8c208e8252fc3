import type { Address, Command, Json, NamedRequest } from '../../machines/batch.ts'
import { type ClientEmitted, clientMachine, type ServerIndex } from '../../machines/client.ts'
import type { ClientTiming } from '../../machines/client-timing.ts'
import { requestId } from '../../machines/held-requests.ts'
import { type LeaseEmitted, leaseMachine } from '../../machines/lease.ts'
import type { RequestMessage, ServerMessage } from '../../machines/messages.ts'
import type { Outcome, ReadOutcome } from '../../machines/outcome.ts'
import { Hold } from '../client/hold.ts'
import type { NewLeaseClock } from '../client/lease-clock.ts'
import { ReadAsker } from '../client/read-asker.ts'
import { Session } from '../client/session.ts'
import { commandBytes } from '../core/command-bytes.ts'
import { serverAt } from '../core/names.ts'
import type { Step } from '../core/step.ts'
import type { Stepper } from '../stepped/settings.ts'
import { maxCommandBytes } from '../wire/limits.ts'
import { type ActorWatch, SimulatedActor } from './actor.ts'
import { clockRateOf, epochMs } from './clock.ts'
import type { SimulatedDatagram } from './datagram.ts'
import type { SimulatedNetwork } from './network.ts'
import { seedFor } from './random.ts'
import type { Timeline } from './timeline.ts'

/** A request that is not answered yet. */
export interface PendingRequest {
  /** The name of the request, `null` until it is sent: before that there is no session. */
  readonly id: { readonly uid: string; readonly seq: number } | null
  /** What the client holds by it, also while it waits; `null` until it is sent, or when it is not for that. */
  readonly hold: SimulatedHold | null
  /**
   * Cancels the request. `ended` receives its outcome when that is known, or `null` if the request was never sent.
   */
  giveUp(ended: (outcome: Outcome | null) => void): void
}

interface Waiter {
  readonly ended: (outcome: Outcome) => void
}

/** A read that is not answered yet. */
export interface PendingRead {
  readonly id: { readonly uid: string; readonly seq: number }
  /** Stops asking. */
  giveUp(): void
}

interface ReadWaiter {
  readonly ended: (outcome: ReadOutcome) => void
}

/** What the client holds in a session that it keeps alive. */
export type SimulatedHold = Pick<Hold<Waiter>, 'isBelieved' | 'release'>

type SimulatedSession = Session<Waiter>
type Lease = SimulatedActor<LeaseEmitted>

interface Submitted {
  readonly session: SimulatedSession
  readonly seq: number
  readonly hold: Hold<Waiter> | null
}

/** One step of a machine that carries a session. */
export interface ClientMachineStep {
  readonly client: string
  readonly uid: string
  /** The addresses of the servers, in the order of their indexes in the machine. */
  readonly servers: readonly Address[]
  readonly event: { readonly type: string }
  readonly step: Step<ClientEmitted>
}

/** Watches the machines of clients: `step` executes their steps. `moved` is called after each step, before its effects are executed. */
export interface ClientWatch {
  readonly step: Stepper<ClientEmitted>['step']
  readonly moved: (move: ClientMachineStep) => void
}

export interface ClientSurroundings {
  readonly name: string
  readonly servers: readonly Address[]
  readonly network: SimulatedNetwork
  readonly timeline: Timeline
  readonly timing: ClientTiming
  /** The ttl of its sessions. */
  readonly ttlMs: number
  readonly seed: number
  /** Receives each request when it is first sent. */
  readonly requested: (request: NamedRequest) => void
  /** Receives each read when it is first sent. */
  readonly readAsked: (uid: string, seq: number, body: Json) => void
  readonly watch?: ClientWatch
  readonly leaseClock: NewLeaseClock
}

/** When a server does not answer `hello` within this time, the client tries the next server. */
const greetingMs = 300

/**
 * A simulated client: its sessions, each carried by a client machine, and any number of concurrent requests. A new session asks the
 * server that answered last. Its address is its name.
 */
export class SimulatedClient {
  /** How far its wall clock is ahead of its monotonic clock; below 0 when it is behind. */
  clockAheadMs = 0
  readonly #around: ClientSurroundings
  readonly #sessions = new Map<string, SimulatedSession>()
  #session: SimulatedSession | null = null
  #awaitingSession: ((session: SimulatedSession) => void)[] = []
  #giveUpGreeting: (() => void) | null = null
  #cancelFlush: (() => void) | null = null
  #preferred: ServerIndex
  #sessionCount = 0
  /** Milliseconds of its monotonic clock for each millisecond of virtual time. */
  readonly #rate: number
  readonly #clock: Pick<Timeline, 'schedule'>
  readonly #leaseClock: ReturnType<NewLeaseClock>
  #readAsker: ReadAsker<ReadWaiter> | null = null
  readonly #leases = new Map<SimulatedSession, Lease>()
  #hasLeft = false
  readonly #requested = new Set<string>()

  /** `server` is the index of the server that the client asks first. */
  constructor(around: ClientSurroundings, server: ServerIndex = 0) {
    this.#around = around
    this.#preferred = server
    const { seed, name, timeline } = around
    this.#rate = clockRateOf(seed, name)
    this.#leaseClock = around.leaseClock({
      monotonicMs: () => this.#monotonicMs,
      wallMs: () => epochMs + this.clockAheadMs + Math.floor(this.#monotonicMs),
    })
    this.#clock = { schedule: (delayMs, run) => timeline.schedule(delayMs / this.#rate, run) }
    around.network.listen(around.name, (datagram, from) => {
      this.#hear((datagram as SimulatedDatagram).message as ServerMessage, around.servers.indexOf(from))
    })
  }

  /** True when it has left: nothing of it goes on. */
  get hasLeft(): boolean {
    return this.#hasLeft
  }

  get name(): string {
    return this.#around.name
  }

  /**
   * Sends a request with `command`. `ended` receives its outcome, unless the request is given up. With `isHeld` the client holds something
   * by it: its session is kept alive while it waits, and when it is executed, until its hold is released.
   */
  ask(command: Command, ended: (outcome: Outcome) => void, { isHeld = false } = {}): PendingRequest {
    let submitted: Submitted | null = null
    let isGivenUp = false
    const end = (outcome: Outcome, receive: (outcome: Outcome) => void) => {
      submitted?.hold?.ended(outcome)
      receive(outcome)
    }
    this.#inSession((session) => {
      if (isGivenUp) return
      const seq = this.#submit(session, command, (outcome) => end(outcome, ended))
      submitted = { session, seq, hold: isHeld ? new Hold(session) : null }
    })
    return {
      get id() {
        return submitted === null || !submitted.session.isOpen
          ? null
          : { uid: submitted.session.uid, seq: submitted.seq }
      },
      get hold() {
        return submitted?.hold ?? null
      },
      giveUp: (onEnd) => {
        isGivenUp = true
        if (submitted === null) onEnd(null)
        else this.#cancel(submitted.session, submitted.seq, (outcome) => end(outcome, onEnd))
      },
    }
  }

  /** Reads what `body` asks for. `ended` receives the outcome, unless the read is given up. */
  read(body: Json, ended: (outcome: ReadOutcome) => void): PendingRead {
    this.#readAsker ??= this.#newReadAsker()
    const asker = this.#readAsker
    const seq = asker.submit(body, { ended })
    return { id: { uid: asker.uid, seq }, giveUp: () => asker.giveUp(seq) }
  }

  /** True while the client may believe that the session `uid` lives. */
  believesIn(uid: string): boolean {
    const session = this.#sessions.get(uid)
    return (
      !this.#hasLeft &&
      session !== undefined &&
      (this.#leases.get(session)?.snapshot.matches('kept') ?? false)
    )
  }

  /** The client leaves without a word, and drops all its requests. */
  leave(): void {
    this.#hasLeft = true
    this.#around.network.leave(this.#around.name)
    this.#giveUpGreeting?.()
    this.#cancelFlush?.()
    this.#awaitingSession = []
    for (const session of this.#sessions.values()) session.stop()
    this.#readAsker?.stop()
  }

  #hear(message: ServerMessage, server: ServerIndex): void {
    switch (message.type) {
      case 'welcome':
        this.#openSession(server)
        return
      case 'response':
      case 'queued':
      case 'busy':
        this.#sessions.get(message.uid)?.receive(message, server)
        if (message.uid === this.#readAsker?.uid) this.#readAsker.receive(message, server)
        return
      case 'report':
      case 'offer':
      case 'part':
      case 'noBackup':
        return
    }
    message satisfies never
  }

  #inSession(run: (session: SimulatedSession) => void): void {
    if (this.#session?.isUsable === false) this.#session = null
    if (this.#session === null) {
      this.#awaitingSession.push(run)
      if (this.#giveUpGreeting === null) this.#greet()
    } else run(this.#session)
  }

  #greet(): void {
    const { name, servers, network, timeline } = this.#around
    const to = servers[this.#preferred]
    if (to === undefined) throw new Error(`client ${name} has no server ${this.#preferred}`)
    network.send(name, to, { sender: null, message: { type: 'hello' } } satisfies SimulatedDatagram)
    this.#giveUpGreeting = timeline.schedule(greetingMs, () => {
      this.#preferred = (this.#preferred + 1) % servers.length
      this.#greet()
    })
  }

  #openSession(server: ServerIndex): void {
    if (this.#giveUpGreeting === null) return
    this.#giveUpGreeting()
    this.#giveUpGreeting = null
    this.#preferred = server
    this.#sessionCount += 1
    const session = this.#newSession(`${this.#around.name}.${this.#sessionCount}`)
    this.#session = session
    this.#sessions.set(session.uid, session)
    const awaiting = this.#awaitingSession
    this.#awaitingSession = []
    for (const run of awaiting) run(session)
  }

  #newSession(name: string): SimulatedSession {
    const { servers, network, timing, seed, ttlMs } = this.#around
    const session: SimulatedSession = new Session<Waiter>({
      name,
      ttlMs,
      maxCommandBytes,
      server: this.#preferred,
      servers: () => servers.length,
      nowMs: () => this.#monotonicMs,
      leaseNowMs: () => this.#leaseClock.readMs(),
      start: (input, carryOut) => {
        const whole = { ...input, timing, randomSeed: seedFor(seed, input.uid) }
        return new SimulatedActor(clientMachine, whole, this.#clock, carryOut, this.#watchOf(input.uid))
      },
      startLease: (input, carryOut) => {
        const lease: Lease = new SimulatedActor(leaseMachine, input, this.#clock, carryOut)
        this.#leases.set(session, lease)
        return lease
      },
      flushSoon: () => this.#flushSoon(),
      opened: (session) => {
        this.#sessions.delete(name)
        this.#sessions.set(session.uid, session)
      },
      lost: (session) => this.#forget(session),
      send: (_, { to, avoid, message }) => {
        this.#request(message)
        const address = servers[to]
        const left = avoid === null ? null : serverAt(servers[avoid] ?? '')
        const asked = left === null ? message : { ...message, avoid: left }
        if (address !== undefined) network.send(this.#around.name, address, { sender: null, message: asked })
      },
      answered: (session, answers, server) => {
        if (server === session.server) this.#preferred = server
        for (const { seq, outcome } of answers) this.#answered(session, seq, outcome)
      },
    })
    return session
  }

  #flushSoon(): void {
    this.#cancelFlush ??= this.#around.timeline.schedule(0, () => {
      this.#cancelFlush = null
      for (const session of this.#sessions.values()) session.flush()
      this.#readAsker?.flush()
    })
  }

  #newReadAsker(): ReadAsker<ReadWaiter> {
    const { name, servers, network, timing, seed, readAsked } = this.#around
    const uid = `${name}.reads`
    let askedBelow = 1
    return new ReadAsker<ReadWaiter>({
      name: uid,
      stale: false,
      server: this.#preferred,
      servers: () => servers.length,
      nowMs: () => this.#monotonicMs,
      start: (input, carryOut) => {
        const whole = { ...input, timing, randomSeed: seedFor(seed, uid) }
        // A recording has the machines of sessions only.
        return new SimulatedActor(clientMachine, whole, this.#clock, carryOut)
      },
      flushSoon: () => this.#flushSoon(),
      send: (to, message) => {
        for (const { seq, body } of message.reads) {
          if (seq < askedBelow) continue
          askedBelow = seq + 1
          readAsked(uid, seq, body)
        }
        const address = servers[to]
        if (address !== undefined) network.send(name, address, { sender: null, message })
      },
      answered: (waiter, outcome) => waiter.ended(outcome),
    })
  }

  get #monotonicMs(): number {
    return this.#around.timeline.nowMs * this.#rate
  }

  #answered(session: SimulatedSession, seq: number, outcome: Outcome): void {
    session.close(seq)?.ended(outcome)
  }

  #submit(session: SimulatedSession, command: Command, ended: (outcome: Outcome) => void): number {
    return session.submit(command, commandBytes(command), { ended })
  }

  #forget(session: SimulatedSession): void {
    if (this.#session === session) this.#session = null
  }

  /** Reports the requests that are sent for the first time. */
  #request({ uid, requests }: RequestMessage): void {
    for (const { seq, command } of requests) {
      const id = requestId({ uid, seq })
      if (this.#requested.has(id)) continue
      this.#requested.add(id)
      this.#around.requested({ uid, seq, ackedBelow: 0, command })
    }
  }

  #watchOf(uid: string): ActorWatch<ClientEmitted> | null {
    const { name: client, servers, watch } = this.#around
    if (watch === undefined) return null
    return {
      step: watch.step,
      moved: (event, step) => watch.moved({ client, uid, servers, event, step }),
    }
  }

  #cancel(session: SimulatedSession, seq: number, ended: (outcome: Outcome) => void): void {
    session.giveUp(seq)
    this.#submit(session, { kind: 'cancel', seq }, (outcome) => {
      session.cancelled(seq)
      ended(outcome.kind === 'executed' ? endedBefore(outcome) : outcome)
    })
  }
}

/** The outcome of the target of a cancel: its earlier outcome, or `cancelled` when it will never be executed. */
function endedBefore({ result, instance, index }: Extract<Outcome, { kind: 'executed' }>): Outcome {
  const { ended } = result as unknown as { readonly ended: Outcome | null }
  return ended ?? { kind: 'cancelled', instance, index }
}
