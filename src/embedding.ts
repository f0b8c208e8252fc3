/**
 * A server without I/O: `paxos-made-simpler/core`. Its inputs are messages and the time, its outputs are effects. The
 * program that embeds it owns the socket, the disk and the clock. docs/embedding.md contains a complete program.
 */
import type { Address, Batch, Instance, NodeId } from '../machines/batch.ts'
import type { Names, RoleName } from '../machines/inbox.ts'
import { defaultLimits, type Limits } from '../machines/limits.ts'
import type { Member } from '../machines/members.ts'
import type { ClientAsk, Message, NodeMessage } from '../machines/messages.ts'
import type { Respond, Write } from '../machines/outputs.ts'
import { defaultTiming, type Timing } from '../machines/timing.ts'
import { textOf, utf8 } from './core/bytes.ts'
import type { SentMessage } from './core/driver.ts'
import {
  afterWrite,
  type DurableState,
  nothingDurable,
  type Stored,
  withoutCompacted,
} from './core/durable.ts'
import { start, step } from './core/step.ts'
import { isNodeMessage as isOfRoles } from './messages/dictionary.ts'
import { lockService } from './services/lock.ts'
import type { Service } from './services/service.ts'
import { type ArmedTimer, SteppedNode, type Surroundings } from './stepped/node.ts'
import { replicasOf } from './stepped/replicas.ts'
import { usualNodeSettings } from './stepped/settings.ts'
import {
  checkedFile,
  chunksOn,
  drawnAtOnce,
  fileOn,
  installationOf,
  keptBytesOn,
  resumed,
  type SnapshotFiles,
  withChunk,
  withoutReceiving,
  withSnapshot,
} from './stepped/snapshots.ts'

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
export type { ClientAsk, Message, NodeMessage, ReadMessage, RequestMessage } from '../machines/messages.ts'
export type { Outcome } from '../machines/outcome.ts'
export type { Write } from '../machines/outputs.ts'
export type { Timing } from '../machines/timing.ts'
export type { SentMessage } from './core/driver.ts'
export type { DurableState, Stored } from './core/durable.ts'
export { type KvCommand, type KvResult, type KvState, kvService } from './services/kv/kv.ts'
export { type LockCommand, type LockResult, type LockState, lockService } from './services/lock.ts'
export type { Delayed, Executed, Moment, Service } from './services/service.ts'
export { type Decoded, Decoder, type DecoderOptions, encodeEnvelope, type Outgoing } from './wire/codec.ts'

/** An input of the server. */
export type CoreInput =
  /** A message of another server arrived from the address `from`. The message must come from a `Decoder`. */
  | {
      readonly type: 'message'
      readonly sender: NodeId
      readonly names: Names
      readonly from: Address
      readonly message: NodeMessage
    }
  /** A client sent requests or reads. The answers are `respond` effects to `replyTo`, which is any text that names the client. */
  | { readonly type: 'request'; readonly message: ClientAsk; readonly replyTo: string }
  /** A timer is due. A timer that was cancelled has no effect. */
  | { readonly type: 'timer'; readonly role: RoleName; readonly id: string }
  /** A write is durable, and so are all writes before it. */
  | { readonly type: 'persisted'; readonly write: Write }

/** An output of the server. The program must carry out the effects in order. */
export type CoreEffect =
  /** Send a message to another server. It may be lost. */
  | ({ readonly type: 'send' } & SentMessage)
  /** Send an answer to a client. It may be lost. */
  | { readonly type: 'respond'; readonly to: string; readonly message: Respond['message'] }
  /**
   * Write to the disk: the write, and the text of the snapshot that it names; `null` for a write that names none. When both are durable,
   * pass `persisted`. If that fails, stop the server and do not retry.
   */
  | { readonly type: 'persist'; readonly write: Write; readonly snapshot: string | null }
  /** Pass `timer` after `delayMs`. Replaces a timer of the same role and id. */
  | { readonly type: 'setTimer'; readonly role: RoleName; readonly id: string; readonly delayMs: number }
  | { readonly type: 'cancelTimer'; readonly role: RoleName; readonly id: string }

/** What the disk keeps of the effect `persist`. */
export type Persisted = Pick<Extract<CoreEffect, { readonly type: 'persist' }>, 'write' | 'snapshot'>

export interface CoreOptions {
  readonly self: NodeId
  /** The name of the data directory, as in `founders`. A server that has lost its data must not use it again. */
  readonly incarnation: string
  readonly founders: readonly Member[]
  /** The default is the lock service. */
  readonly service?: Service
  /** The contents of the disk: all writes so far, by `afterPersisting`; `nothingStored` at the first start. */
  readonly stored: Stored
  /**
   * Returns chosen batches in order from `from` on, of those that were passed to `persist`: at most as many as fit into a
   * message. `null` when the batch of `from` was deleted. `chosenIn` reads them from the contents of the disk.
   */
  readonly readChosen: (from: Instance) => readonly Batch[] | null
  /** The seed of the random part of delays. Use a different number for each server. */
  readonly randomSeed: number
  readonly timing?: Timing
  readonly limits?: Limits
}

/**
 * True for a message between the roles of servers, which `EmbeddedNode` accepts. The program must answer other messages itself.
 */
export function isNodeMessage(message: Message): message is NodeMessage {
  return isOfRoles(message)
}

/** The contents of an empty disk. */
export const nothingStored: Stored = { durable: nothingDurable, snapshot: null, chosen: [] }

/** Returns up to `count` chosen batches of a disk from `from` on; `null` when the batch of `from` was deleted. */
export function chosenIn(
  { durable, chosen }: Stored,
  from: Instance,
  count: number,
): readonly Batch[] | null {
  const place = from - durable.floor
  return place < 0 ? null : chosen.slice(place, place + count)
}

/** Returns the contents of the disk after the effect `persist`, or after the part of it that the disk keeps. */
export function afterPersisting(stored: Stored, { write, snapshot: text }: Persisted): Stored {
  const { durable, chosen } = stored
  const snapshot = text === null ? stored.snapshot : utf8(text)
  const more: Batch[] = []
  const after = afterWrite(durable, write, (_, batch) => more.push(batch))
  const all = more.length === 0 ? chosen : [...chosen, ...more]
  return { durable: after, snapshot, chosen: withoutCompacted(all, durable, after) }
}

/**
 * One run of a server. Every call passes the time: `nowMs` is a monotonic clock, in milliseconds since an arbitrary moment.
 * A call throws when the server must stop, because its state contradicts the batches that others chose, or because an
 * assertion fails. Do not call it again after that.
 */
export class EmbeddedNode {
  readonly #node: SteppedNode
  readonly #timers = new Map<string, ArmedTimer>()
  #durable: DurableState
  #files: SnapshotFiles
  #effects: CoreEffect[] = []
  #nowMs: number

  private constructor(options: CoreOptions, nowMs: number) {
    const { self, incarnation, founders, stored, readChosen, randomSeed } = options
    const { service = lockService as Service, timing = defaultTiming, limits = defaultLimits } = options
    this.#durable = stored.durable
    this.#files = filesOf(stored)
    this.#nowMs = nowMs
    const surroundings: Surroundings = {
      send: (sent) => this.#effects.push({ type: 'send', ...sent }),
      respond: (to, message) => this.#effects.push({ type: 'respond', to, message }),
      persist: (write) => this.#persist(write),
      setTimer: (timer) => this.#setTimer(timer),
      cancelTimer: (role, id) => {
        if (this.#timers.delete(nameOf(role, id))) this.#effects.push({ type: 'cancelTimer', role, id })
      },
      read: ({ from }) => readChosen(from),
      takeSnapshot: (capture) => {
        const file = drawnAtOnce(capture)
        this.#files = withSnapshot(this.#files, file)
        return file.name
      },
      readChunks: (request) => chunksOn(this.#files, request),
      resumeSnapshot: (name) => {
        this.#files = resumed(this.#files, name)
        return keptBytesOn(this.#files)
      },
      keepChunk: (chunk) => {
        this.#files = withChunk(this.#files, chunk)
        return 'kept'
      },
      checkSnapshot: (name, begin) => {
        const file = checkedFile(this.#files, name, begin)
        this.#files = file === null ? withoutReceiving(this.#files) : withSnapshot(this.#files, file)
        return file !== null
      },
      checked: (name, begin) => installationOf(this.#files, name, begin),
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

  /** Starts a server, and returns it with its first effects. */
  static start(
    options: CoreOptions,
    nowMs: number,
  ): { readonly node: EmbeddedNode; readonly effects: readonly CoreEffect[] } {
    const node = new EmbeddedNode(options, nowMs)
    return { node, effects: node.#takeEffects() }
  }

  /** The members of the cluster after all batches that this server has executed. */
  get members(): readonly Member[] {
    return this.#node.replica.members
  }

  /** The next instance that this server executes. */
  get firstUnexecuted(): Instance {
    return this.#node.replica.firstUnexecuted
  }

  /** Passes an input to the server, and returns its effects. `timeMs` is the wall clock, for logs and views only. */
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
        this.#node.take({ type: 'request', message, replyTo, timeMs })
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
        this.#persisted(input.write)
        const next = this.#node.eventAfter(input.write)
        if (next !== null) this.#node.take(next)
        break
      }
      default:
        input satisfies never
    }
    return this.#takeEffects()
  }

  #persist(write: Write): void {
    const file = write.by === 'snapshot' ? fileOn(this.#files, write.snapshot) : undefined
    this.#effects.push({ type: 'persist', write, snapshot: file?.text ?? null })
  }

  /** The snapshot before the last one stays for servers that fetch it. */
  #persisted(write: Write): void {
    const least = this.#durable.snapshot?.instance ?? 0
    this.#durable = afterWrite(this.#durable, write, () => undefined)
    if (write.by !== 'snapshot') return
    const snapshots = this.#files.snapshots.filter(({ name }) => name.instance >= least)
    this.#files = { snapshots, receiving: null }
  }

  #setTimer(timer: ArmedTimer): void {
    const { role, id, delayMs } = timer
    this.#timers.set(nameOf(role, id), timer)
    this.#effects.push({ type: 'setTimer', role, id, delayMs })
  }

  #takeEffects(): readonly CoreEffect[] {
    const effects = this.#effects
    this.#effects = []
    return effects
  }
}

function nameOf(role: RoleName, id: string): string {
  return `${role} ${id}`
}

function filesOf({ durable, snapshot }: Stored): SnapshotFiles {
  const { snapshot: name } = durable
  const snapshots = name === null || snapshot === null ? [] : [{ name, text: textOf(snapshot) }]
  return { snapshots, receiving: null }
}
