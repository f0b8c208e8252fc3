import type { AnyMachineSnapshot } from 'xstate'
import type { Address, Batch, Instance, NodeId } from '../../machines/batch.ts'
import type { RoleEvent, RoleName } from '../../machines/inbox.ts'
import type { Limits } from '../../machines/limits.ts'
import type { ClientMessage, NodeMessage, ServerMessage } from '../../machines/messages.ts'
import type { Execution } from '../../machines/outcome.ts'
import type { Output, Write } from '../../machines/outputs.ts'
import type { Timing } from '../../machines/timing.ts'
import { commandBytes } from '../node/wire/codec.ts'
import { type Recovered, roleInputs, roleMachines, roleNames } from '../roles.ts'
import { Router, type World } from '../router.ts'
import type { Replica } from '../services/replica.ts'
import { SimulatedActor } from './actor.ts'
import type { SimulatedDisk } from './disk.ts'
import type { SimulatedNetwork } from './network.ts'
import type { Timeline } from './timeline.ts'

/** A datagram of the simulated network: a message, with the server that says it. */
export interface SimulatedDatagram {
  readonly sender: NodeId | null
  readonly message: NodeMessage | ClientMessage | ServerMessage
}

const pageBatches = 16

/** One run of a simulated server, from start to crash: the role machines, the router and the replica are the real ones. */
export class SimulatedNode implements World {
  readonly replica: Replica
  readonly #self: NodeId
  readonly #address: Address
  readonly #timeline: Timeline
  readonly #network: SimulatedNetwork
  readonly #disk: SimulatedDisk
  readonly #router: Router
  readonly #roles: Readonly<Record<RoleName, SimulatedActor<Output>>>
  /** Where servers that are no members were last heard from. */
  readonly #heardFrom = new Map<NodeId, Address>()
  #isRunning = true

  constructor(options: {
    readonly recovered: Recovered
    readonly address: Address
    readonly replica: Replica
    readonly disk: SimulatedDisk
    readonly timeline: Timeline
    readonly network: SimulatedNetwork
    readonly timing: Timing
    readonly limits: Limits
    readonly randomSeed: number
    readonly executed: (batch: Batch, execution: Execution) => void
  }) {
    const { recovered, address, replica, disk, timeline, network } = options
    this.#self = recovered.self
    this.#address = address
    this.#timeline = timeline
    this.#network = network
    this.#disk = disk
    this.replica = replica
    this.#router = new Router(recovered.self, this, {
      execute: (instance, batch) => {
        const execution = replica.execute(instance, batch)
        options.executed(batch, execution)
        return execution
      },
      recall: (request) => replica.recall(request.uid, request.seq, request.command),
    })
    const inputs = roleInputs(recovered, options)
    this.#roles = Object.fromEntries(
      roleNames.map((role) => [
        role,
        new SimulatedActor<Output>(
          roleMachines[role],
          inputs[role],
          timeline,
          (output) => this.#router.carry(output),
          (event) => this.#router.dispatch(role, event as RoleEvent),
        ),
      ]),
    ) as Record<RoleName, SimulatedActor<Output>>
    network.listen(address, (datagram, from) => this.#receive(datagram as SimulatedDatagram, from))
  }

  /** The snapshot of a role. */
  role(name: RoleName): AnyMachineSnapshot {
    return this.#roles[name].snapshot
  }

  /** Gives an event to a role, as the network or another part of the node would. */
  dispatch(role: RoleName, event: RoleEvent): void {
    this.#router.dispatch(role, event)
  }

  /** The process is gone; the disk is left as it is. */
  crash(): void {
    this.#isRunning = false
    this.#network.leave(this.#address)
    for (const role of roleNames) this.#roles[role].stop()
  }

  deliver(role: RoleName, event: RoleEvent): void {
    this.#roles[role].send(event)
  }

  send(to: NodeId, message: NodeMessage): void {
    const address =
      this.replica.members.find((member) => member.id === to)?.address ?? this.#heardFrom.get(to)
    if (address !== undefined) this.#say(address, message)
  }

  respond(to: Address, message: ServerMessage): void {
    this.#say(to, message)
  }

  persist(write: Write): void {
    this.#disk.persist(write, () => {
      if (this.#isRunning) this.#router.dispatch('acceptor', { type: 'persisted' })
    })
  }

  read(from: Instance, to: NodeId): void {
    const batches = this.#disk.chosen(from, pageBatches)
    this.#router.dispatch('learner', { type: 'chosen.read', to, from, batches })
  }

  #say(to: Address, message: NodeMessage | ServerMessage): void {
    this.#network.send(this.#address, to, { sender: this.#self, message } satisfies SimulatedDatagram)
  }

  #receive({ sender, message }: SimulatedDatagram, from: Address): void {
    if (sender !== null) {
      this.#heardFrom.set(sender, from)
      this.#router.hear(sender, message as NodeMessage)
    } else if (message.type === 'request') {
      this.#router.request(message, from, Math.floor(this.#timeline.nowMs), commandBytes(message.command))
    }
  }
}
