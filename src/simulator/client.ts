import type { Address, Command, Instance, Request } from '../../machines/batch.ts'
import { type ClientEmitted, clientMachine, type ServerIndex } from '../../machines/client.ts'
import type { ClientTiming } from '../../machines/client-timing.ts'
import type { ServerMessage } from '../../machines/messages.ts'
import type { Outcome } from '../../machines/outcome.ts'
import { Session } from '../client/session.ts'
import type { Step } from '../core/step.ts'
import type { Stepper } from '../stepped/settings.ts'
import { maxCommandBytes } from '../wire/limits.ts'
import { type ActorWatch, SimulatedActor } from './actor.ts'
import type { SimulatedDatagram } from './datagram.ts'
import type { SimulatedNetwork } from './network.ts'
import { seedFor } from './random.ts'
import type { Timeline } from './timeline.ts'

/** A request that is not answered yet. */
export interface PendingRequest {
  /** The name of the request, `null` until it is sent: before that there is no session. */
  readonly id: { readonly uid: string; readonly seq: number } | null
  /**
   * Cancels the request. `ended` receives its outcome when that is known, or `null` if the request was never sent.
   */
  giveUp(ended: (outcome: Outcome | null) => void): void
}

interface RequestMachine {
  hear(message: ServerMessage, server: ServerIndex): void
  giveUp(): void
}

/** One step of a machine that carries a request. */
export interface ClientMachineStep {
  readonly client: string
  readonly seq: number
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
  readonly seed: number
  /** Receives each request when it is first sent. */
  readonly requested: (request: Request) => void
  readonly watch?: ClientWatch
}

/** When a server does not answer `hello` within this time, the client tries the next server. */
const greetingMs = 300

/**
 * A simulated client: its sessions, and any number of concurrent requests, each carried by a client machine. It sends requests to
 * the server that answered last. Its address is its name.
 */
export class SimulatedClient {
  readonly #around: ClientSurroundings
  readonly #sessions = new Map<string, Session<RequestMachine>>()
  #session: Session<RequestMachine> | null = null
  #awaitingSession: ((session: Session<RequestMachine>) => void)[] = []
  #giveUpGreeting: (() => void) | null = null
  #preferred: ServerIndex
  #sessionCount = 0
  #actorCount = 0

  /** `server` is the index of the server that the client asks first. */
  constructor(around: ClientSurroundings, server: ServerIndex = 0) {
    this.#around = around
    this.#preferred = server
    around.network.listen(around.name, (datagram, from) => {
      this.#hear((datagram as SimulatedDatagram).message as ServerMessage, around.servers.indexOf(from))
    })
  }

  /** Sends a request with `command`. `ended` receives its outcome, unless the request is given up. */
  ask(command: Command, ended: (outcome: Outcome) => void): PendingRequest {
    let submitted: { readonly session: Session<RequestMachine>; readonly seq: number } | null = null
    let isGivenUp = false
    this.#inSession((session) => {
      if (!isGivenUp) submitted = { session, seq: this.#submit(session, command, ended) }
    })
    return {
      get id() {
        return submitted === null ? null : { uid: submitted.session.uid, seq: submitted.seq }
      },
      giveUp: (onEnd) => {
        isGivenUp = true
        if (submitted === null) onEnd(null)
        else this.#cancel(submitted.session, submitted.seq, onEnd)
      },
    }
  }

  /** The client leaves, and drops all its requests. */
  leave(): void {
    this.#around.network.leave(this.#around.name)
    this.#giveUpGreeting?.()
    this.#awaitingSession = []
    for (const session of this.#sessions.values()) session.giveUpAll()
  }

  #hear(message: ServerMessage, server: ServerIndex): void {
    if (message.type === 'welcome') this.#openSession(message.instance, server)
    else if ('seq' in message) {
      this.#sessions.get(message.uid)?.carrierOf(message.seq)?.hear(message, server)
    }
  }

  #inSession(run: (session: Session<RequestMachine>) => void): void {
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

  #openSession(instance: Instance, server: ServerIndex): void {
    if (this.#giveUpGreeting === null) return
    this.#giveUpGreeting()
    this.#giveUpGreeting = null
    this.#preferred = server
    this.#sessionCount += 1
    const session = new Session<RequestMachine>(
      `${this.#around.name}.${this.#sessionCount}@${instance}`,
      maxCommandBytes,
    )
    this.#session = session
    this.#sessions.set(session.uid, session)
    const awaiting = this.#awaitingSession
    this.#awaitingSession = []
    for (const run of awaiting) run(session)
  }

  #submit(session: Session<RequestMachine>, command: Command, ended: (outcome: Outcome) => void): number {
    const { servers, requested } = this.#around
    const first = this.#preferred
    let seq = 0
    const watch = this.#watchOf(() => seq)
    const actor = this.#actor(watch, (outcome, server) => {
      actor.stop()
      session.end(seq)
      // Only a request that failed over changes the preferred server, as in the client library.
      if (server !== first) this.#preferred = server
      if (outcome.kind === 'refused' && outcome.reason === 'expired' && this.#session === session) {
        this.#session = null
      }
      ended(outcome)
    })
    seq = session.begin({
      hear: (message, server) => {
        const heard = { ...message, server }
        actor.send(heard)
      },
      giveUp: () => actor.stop(),
    })
    const request = { uid: session.uid, seq, ackedBelow: session.ackedBelow, command }
    requested(request)
    const asked = { type: 'request.submitted', request, server: first, servers: servers.length }
    actor.send(asked)
    return seq
  }

  #watchOf(seq: () => number): ActorWatch<ClientEmitted> | null {
    const { name: client, servers, watch } = this.#around
    if (watch === undefined) return null
    return {
      step: watch.step,
      moved: (event, step) => watch.moved({ client, seq: seq(), servers, event, step }),
    }
  }

  #actor(
    watch: ActorWatch<ClientEmitted> | null,
    answered: (outcome: Outcome, server: ServerIndex) => void,
  ): SimulatedActor<ClientEmitted> {
    const { name, servers, network, timeline, timing, seed } = this.#around
    this.#actorCount += 1
    const randomSeed = seedFor(seed, `${name}/${this.#actorCount}`)
    const hear = (output: ClientEmitted) => {
      switch (output.type) {
        case 'send': {
          const to = servers[output.to]
          if (to !== undefined) network.send(name, to, { sender: null, message: output.message })
          return
        }
        case 'answer':
          return answered(output.outcome, output.server)
        case 'give.up':
          return
      }
      output satisfies never
    }
    return new SimulatedActor(clientMachine, { timing, randomSeed }, timeline, hear, watch)
  }

  #cancel(session: Session<RequestMachine>, seq: number, ended: (outcome: Outcome) => void): void {
    session.giveUp(seq)
    this.#submit(session, { kind: 'cancel', seq }, (outcome) => {
      session.end(seq)
      ended(outcome.kind === 'executed' ? endedBefore(outcome) : outcome)
    })
  }
}

/** The outcome of the target of a cancel: its earlier outcome, or `cancelled` when it will never be executed. */
function endedBefore({ result, instance, index }: Extract<Outcome, { kind: 'executed' }>): Outcome {
  const { ended } = result as unknown as { readonly ended: Outcome | null }
  return ended ?? { kind: 'cancelled', instance, index }
}
