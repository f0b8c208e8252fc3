/**
 * A server without I/O: `paxos-made-simpler/core`. Messages and time go in, effects come out; the program that embeds it owns the
 * socket, the disk and the clock. docs/embedding.md has a whole program.
 */
import type { Address, Batch, Instance, NodeId } from '../machines/batch.ts'
import type { Names, RoleName } from '../machines/inbox.ts'
import { defaultLimits, type Limits } from '../machines/limits.ts'
import type { Member } from '../machines/members.ts'
import type { Message, NodeMessage, RequestMessage } from '../machines/messages.ts'
import type { Respond, Write } from '../machines/outputs.ts'
import { defaultTiming, type Timing } from '../machines/timing.ts'
import { queuedBytes } from './core/command-bytes.ts'
import type { SentMessage } from './core/driver.ts'
import { afterWrite, type DurableState, nothingDurable, type Stored } from './core/durable.ts'
import { start, step } from './core/step.ts'
import { isNodeMessage as isOfRoles } from './messages/dictionary.ts'
import { lockService } from './services/lock.ts'
import type { Service } from './services/service.ts'
import { type ArmedTimer, SteppedNode, type Surroundings } from './stepped/node.ts'
import { replicasOf } from './stepped/replicas.ts'
import { usualNodeSettings } from './stepped/settings.ts'

export type {
  Address,
  Batch,
  Command,
  Instance,
  Json,
  MembershipChange,
  NodeId,
} from '../machines/batch.ts'
export type { Names, RoleName } from '../machines/inbox.ts'
export type { Limits } from '../machines/limits.ts'
export { foundingMembers, type Member } from '../machines/members.ts'
export type { Message, NodeMessage, RequestMessage } from '../machines/messages.ts'
export type { Outcome } from '../machines/outcome.ts'
export type { Write } from '../machines/outputs.ts'
export type { Timing } from '../machines/timing.ts'
export type { SentMessage } from './core/driver.ts'
export type { DurableState, Stored } from './core/durable.ts'
export { type KvCommand, type KvResult, type KvState, kvService } from './services/kv.ts'
export { type LockCommand, type LockResult, type LockState, lockService } from './services/lock.ts'
export type { Delayed, Executed, Moment, Service } from './services/service.ts'
export { type Decoded, Decoder, type DecoderOptions, encodeEnvelope, type Outgoing } from './wire/codec.ts'

/** What happens to the server. */
export type CoreInput =
  /** A message of another server arrived from the address `from`. Only what a `Decoder` let through may be given. */
  | {
      readonly type: 'message'
      readonly sender: NodeId
      readonly names: Names
      readonly from: Address
      readonly message: NodeMessage
    }
  /** A client asks. The answers come as effects `respond` to `replyTo`, which is any text that names the client. */
  | { readonly type: 'request'; readonly message: RequestMessage; readonly replyTo: string }
  /** A timer that was set is due. One that was cancelled meanwhile does nothing. */
  | { readonly type: 'timer'; readonly role: RoleName; readonly id: string }
  /** A write is on the disk, and all writes before it are. */
  | { readonly type: 'persisted'; readonly write: Write }

/** What the server asks for, to be carried out in order. */
export type CoreEffect =
  /** Send to another server. It may get lost. */
  | ({ readonly type: 'send' } & SentMessage)
  /** Answer a client. It may get lost. */
  | { readonly type: 'respond'; readonly to: string; readonly message: Respond['message'] }
  /** Write, in order. Give `persisted` when it is durable. If it fails, the server must stop, and must not try it again. */
  | { readonly type: 'persist'; readonly write: Write }
  /** Give `timer` after `delayMs`. It takes the place of a timer of the same role and id. */
  | { readonly type: 'setTimer'; readonly role: RoleName; readonly id: string; readonly delayMs: number }
  | { readonly type: 'cancelTimer'; readonly role: RoleName; readonly id: string }

export interface CoreOptions {
  readonly self: NodeId
  /** Names the data directory. The founders have it; a server without its data must not use it again. */
  readonly incarnation: string
  readonly founders: readonly Member[]
  /** By default the lock service. */
  readonly service?: Service
  /** What the disk holds: all writes so far, by `afterPersisting`, or `nothingStored` at the first start. */
  readonly stored: Stored
  /** Some batches in order from `from` on, of those that were given to be written as chosen; at most as many as fit into a message. */
  readonly readChosen: (from: Instance) => readonly Batch[]
  /** For the random part of waiting times: another number for each server. */
  readonly randomSeed: number
  readonly timing?: Timing
  readonly limits?: Limits
}

/** True for a message that `CoreNode` takes: one between the roles of servers. Others are a server's own to answer. */
export function isNodeMessage(message: Message): message is NodeMessage {
  return isOfRoles(message)
}

/** What an empty disk holds. */
export const nothingStored: Stored = { durable: nothingDurable, chosen: [] }

/** What the disk holds after `write`. */
export function afterPersisting({ durable, chosen }: Stored, write: Write): Stored {
  const more: Batch[] = []
  const after = afterWrite(durable, write, (_, batch) => more.push(batch))
  return { durable: after, chosen: more.length === 0 ? chosen : [...chosen, ...more] }
}

/**
 * A server, from its start to its end. Every call names the time: `nowMs` is a clock that does not go back, in milliseconds from any
 * moment. A call throws when the server must stop, since what it holds contradicts what others chose, or an assertion does not hold;
 * it may not be called after that.
 */
export class CoreNode {
  readonly #node: SteppedNode
  readonly #timers = new Map<string, ArmedTimer>()
  #durable: DurableState
  #effects: CoreEffect[] = []
  #nowMs: number

  private constructor(options: CoreOptions, nowMs: number) {
    const { self, incarnation, founders, stored, readChosen, randomSeed } = options
    const { service = lockService as Service, timing = defaultTiming, limits = defaultLimits } = options
    this.#durable = stored.durable
    this.#nowMs = nowMs
    const surroundings: Surroundings = {
      send: (sent) => this.#effects.push({ type: 'send', ...sent }),
      respond: (to, message) => this.#effects.push({ type: 'respond', to, message }),
      persist: (write) => this.#effects.push({ type: 'persist', write }),
      setTimer: (timer) => this.#setTimer(timer),
      cancelTimer: (role, id) => {
        if (this.#timers.delete(nameOf(role, id))) this.#effects.push({ type: 'cancelTimer', role, id })
      },
      read: readChosen,
      durable: () => this.#durable,
      nowMs: () => this.#nowMs,
      observe: () => undefined,
    }
    const settings = {
      ...usualNodeSettings,
      stepper: { start, step },
      self,
      incarnation,
      timing,
      limits,
      replicas: replicasOf({ service, members: founders }),
    }
    this.#node = SteppedNode.start(settings, surroundings, stored, randomSeed)
  }

  /** Starts a server, and gives what it asks for first. */
  static start(
    options: CoreOptions,
    nowMs: number,
  ): { readonly node: CoreNode; readonly effects: readonly CoreEffect[] } {
    const node = new CoreNode(options, nowMs)
    return { node, effects: node.#taken() }
  }

  /** The members of the cluster, after everything that was executed here. */
  get members(): readonly Member[] {
    return this.#node.replica.members
  }

  /** The next instance to be executed here. */
  get firstUnexecuted(): Instance {
    return this.#node.replica.firstUnexecuted
  }

  /** Something happens to the server: what it asks for then. `timeMs` is the wall clock, which only logs and views show. */
  take(input: CoreInput, nowMs: number, timeMs: number = Date.now()): readonly CoreEffect[] {
    this.#nowMs = nowMs
    switch (input.type) {
      case 'message': {
        const { sender, names, from, message } = input
        this.#node.take({ type: 'hear', sender, names, from, message })
        break
      }
      case 'request': {
        const { message, replyTo } = input
        const commandBytes = queuedBytes(message.command)
        this.#node.take({ type: 'request', message, replyTo, timeMs, commandBytes })
        break
      }
      case 'timer': {
        const timer = this.#timers.get(nameOf(input.role, input.id))
        if (timer === undefined) break
        this.#timers.delete(nameOf(input.role, input.id))
        this.#node.fire(timer)
        break
      }
      case 'persisted': {
        this.#durable = afterWrite(this.#durable, input.write, () => undefined)
        const next = this.#node.eventAfter(input.write)
        if (next !== null) this.#node.take(next)
        break
      }
      default:
        input satisfies never
    }
    return this.#taken()
  }

  #setTimer(timer: ArmedTimer): void {
    const { role, id, delayMs } = timer
    this.#timers.set(nameOf(role, id), timer)
    this.#effects.push({ type: 'setTimer', role, id, delayMs })
  }

  #taken(): readonly CoreEffect[] {
    const effects = this.#effects
    this.#effects = []
    return effects
  }
}

function nameOf(role: RoleName, id: string): string {
  return `${role} ${id}`
}
