import type { AnyMachineSnapshot } from 'xstate'
import type { Address, Instance, NodeId } from '../../machines/batch.ts'
import type { RoleEvent, RoleName } from '../../machines/inbox.ts'
import type { ClientMessage, NodeMessage, ServerMessage } from '../../machines/messages.ts'
import type { Respond, Write } from '../../machines/outputs.ts'
import { commandBytes } from '../node/wire/codec.ts'
import { type ArmedTimer, SteppedNode, type Surroundings } from '../stepped/node.ts'
import type { NodeSettings, ReplicatedState } from '../stepped/settings.ts'
import type { Fact } from '../verify/facts.ts'
import type { SimulatedDisk } from './disk.ts'
import type { SimulatedNetwork } from './network.ts'
import type { Timeline } from './timeline.ts'

/** A datagram of the simulated network: a message, with the server that says it. */
export interface SimulatedDatagram {
  readonly sender: NodeId | null
  readonly message: NodeMessage | ClientMessage | ServerMessage
}

const pageBatches = 16

/** One run of a simulated server, from start to crash: a stepped node in virtual time, on a faulty network and disk. */
export class SimulatedNode implements Surroundings {
  readonly #node: SteppedNode
  readonly #self: NodeId
  readonly #address: Address
  readonly #timeline: Timeline
  readonly #network: SimulatedNetwork
  readonly #disk: SimulatedDisk
  readonly #observe: (fact: Fact) => void
  /** By role and id: how to give it up. */
  readonly #timers = new Map<string, () => void>()
  #isRunning = true

  constructor(options: {
    readonly settings: NodeSettings
    readonly address: Address
    readonly disk: SimulatedDisk
    readonly timeline: Timeline
    readonly network: SimulatedNetwork
    readonly randomSeed: number
    readonly observe: (fact: Fact) => void
  }) {
    const { settings, address, disk, timeline, network } = options
    this.#self = settings.self
    this.#address = address
    this.#timeline = timeline
    this.#network = network
    this.#disk = disk
    this.#observe = options.observe
    const durable = disk.state
    const chosen = disk.chosen(0, durable.firstUnchosen)
    this.#node = SteppedNode.start(settings, this, { durable, chosen }, options.randomSeed)
    network.listen(address, (datagram, from) => this.#receive(datagram as SimulatedDatagram, from))
  }

  get replica(): ReplicatedState {
    return this.#node.replica
  }

  /** The snapshot of a role. */
  role(name: RoleName): AnyMachineSnapshot {
    return this.#node.roles[name]
  }

  /** Gives an event to a role, as another part of the server would. */
  dispatch(role: RoleName, event: RoleEvent): void {
    this.#node.dispatch(role, event)
  }

  /** The process is gone; the disk is left as it is. */
  crash(): void {
    this.#isRunning = false
    this.#network.leave(this.#address)
    for (const giveUp of this.#timers.values()) giveUp()
    this.#timers.clear()
    this.#observe({ type: 'crashed', node: this.#self })
  }

  send(_: NodeId, address: Address, message: NodeMessage): void {
    this.#say(address, message)
  }

  respond(to: Address, message: Respond['message']): void {
    this.#say(to, message)
  }

  setTimer(timer: ArmedTimer): void {
    this.cancelTimer(timer.role, timer.id)
    const key = timerKey(timer.role, timer.id)
    const giveUp = this.#timeline.schedule(timer.delayMs, () => {
      this.#timers.delete(key)
      this.#node.fire(timer)
    })
    this.#timers.set(key, giveUp)
  }

  cancelTimer(role: RoleName, id: string): void {
    const key = timerKey(role, id)
    this.#timers.get(key)?.()
    this.#timers.delete(key)
  }

  persist(write: Write): void {
    this.#disk.persist(write, () => {
      if (this.#isRunning) this.#node.persisted(this.#disk.state)
    })
  }

  read(from: Instance) {
    return this.#disk.chosen(from, pageBatches)
  }

  observe(fact: Fact): void {
    this.#observe(fact)
  }

  #say(to: Address, message: NodeMessage | ServerMessage): void {
    this.#network.send(this.#address, to, { sender: this.#self, message } satisfies SimulatedDatagram)
  }

  #receive({ sender, message }: SimulatedDatagram, from: Address): void {
    if (sender !== null) {
      this.#node.hear(sender, message as NodeMessage, from)
    } else if (message.type === 'request') {
      this.#node.request(message, from, Math.floor(this.#timeline.nowMs), commandBytes(message.command))
    }
  }
}

function timerKey(role: RoleName, id: string): string {
  return `${role} ${id}`
}
