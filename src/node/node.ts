import type { Address, Json, NodeId } from '../../machines/batch.ts'
import type { Limits } from '../../machines/limits.ts'
import type { Timing } from '../../machines/timing.ts'
import type { ControlCommand, ControlResult } from '../inspect/records/control.ts'
import type { FateRecord } from '../inspect/records/record.ts'
import type { StatelyBridge } from '../inspect/report/stately.ts'
import { formatAddress } from '../network/address.ts'
import type { Resolver } from '../network/resolver.ts'
import { bindSocket } from '../network/socket.ts'
import { lockService } from '../services/lock.ts'
import type { Service } from '../services/service.ts'
import type { Storage } from '../storage/storage.ts'
import { begin } from './begin.ts'
import type { Bootstrap } from './identity.ts'
import { openStately } from './inspection.ts'
import { LiveNode } from './live-node.ts'
import { type Logger, silentLogger } from './logger.ts'
import { type OptionWords, programWords } from './option-words.ts'
import { canonicalOptions } from './options.ts'
import type { ServerAddress } from './server-address.ts'

export { StartError } from '../core/start-error.ts'

export interface NodeOptions {
  readonly id: NodeId
  /** The address on which the server listens. */
  readonly listen: Address
  /** The address that other servers and clients use; by default the address on which the server listens. */
  readonly advertise?: Address
  /** The data directory; `null` to store in memory, which is lost when the process ends. */
  readonly dataDir: string | null
  /**
   * The directory was moved or copied, nothing was written at the old place since, and no server will use that place. Without
   * this, a server refuses to start with a copy of its directory, because a copy that is older has forgotten votes. Give it for
   * one start only.
   */
  readonly moved?: boolean
  /** Found a new cluster at the first start. */
  readonly bootstrap?: Bootstrap
  /**
   * Aborts the wait for the other founders, or for the addition to the cluster. It has no effect once the server serves; use
   * `stop` then.
   */
  readonly signal?: AbortSignal
  /** Join the cluster of the server at this address. */
  readonly join?: Address
  /**
   * Where servers of the cluster are now, this one possibly among them, for a cluster whose servers all moved. This server sends to
   * these addresses until the members have them; `changeMembers` with `move` has the cluster agree on them. Give it for one start only.
   */
  readonly addresses?: readonly ServerAddress[]
  /** By default the lock service. Every server of a cluster runs the same. */
  readonly service?: Service
  /** The logger, such as a pino logger; by default the server logs nothing. */
  readonly logger?: Logger
  /** Write the requests that the service executed, in order, to `executed.log` in the data directory. */
  readonly executedLog?: boolean
  /** Write a journal to this file: one line for each event of the server. `paxos replay` executes it again. */
  readonly journal?: string
  /** Report events to the inspector's hub at this address, as far as the cost stays low. */
  readonly inspect?: Address
  /** Make the actors visible in Stately's own inspector, at this WebSocket URL. */
  readonly stately?: string
  readonly timing?: Timing
  readonly limits?: Limits
  /**
   * The server takes a snapshot of the replicated state after this many requests, 100,000 by default, or after more when the snapshot is
   * large. Then it deletes the chosen batches that only servers need which are far behind.
   */
  readonly snapshotEvery?: number
  /**
   * The server takes no requests of clients while the disk of its data directory has less room than this and its last snapshot, in bytes;
   * 256 MiB by default. It goes on by itself when there is a quarter more. 0 turns this off: the server then halts when a write fails.
   */
  readonly diskLowWaterBytes?: number
  /** Allow `control` to inject faults: lose messages, fire timers. Use it for experiments only. */
  readonly allowFaults?: boolean
  /** Resolves host names; by default with the system's resolver, one name at a time in the whole process. */
  readonly resolver?: Resolver
  /** Receives every message to which an injected fault applied. */
  readonly onFate?: (record: FateRecord) => void
}

/** The control commands that a single server carries out. */
export type NodeControl = Extract<ControlCommand, { type: 'rules' | 'timer' }>

export interface RunningNode {
  readonly id: NodeId
  readonly address: Address
  readonly cluster: string
  /** The status that `paxos status --json` shows. */
  status(): Json
  /** Injects a fault. Without `allowFaults` it does nothing, and the result says so. */
  control(command: NodeControl): ControlResult
  /** Accepts no more requests, finishes the current ones and ends, within seconds. */
  stop(): Promise<void>
  /** Resolves when the server ends: with `null` after `stop`, with the reason after a halt. */
  readonly ended: Promise<string | null>
}

/**
 * Starts a server; resolves when it serves. A founder waits for all other founders, so a program must start its founders
 * concurrently. Throws a `StartError` or a `StorageError` with a one-line message when the server cannot start. Possible reasons:
 * the directory is in use, damaged, a copy, or belongs to another server; the port is taken; neither `bootstrap` nor `join` is given for
 * an empty directory; the cluster to found exists; the cluster runs another service. Throws the reason of `signal` when that aborts during the founding or while
 * the server waits to be added.
 */
export function startNode(options: NodeOptions): Promise<RunningNode> {
  return startNodeIn(programWords, options)
}

/** As `startNode`, with the names of the options from `words` in errors and the log. */
export async function startNodeIn(words: OptionWords, given: NodeOptions): Promise<RunningNode> {
  const options = { ...canonicalOptions(given, words), words }
  const { id, service = lockService as Service, logger = silentLogger } = options
  const socket = await bindSocket(options.listen, options.resolver)
  const address = options.advertise ?? formatAddress(socket.address())
  let storage: Storage | null = null
  let bridge: StatelyBridge | null = null
  let node: LiveNode | null = null
  try {
    const { durable, invited, ...begun } = await begin(
      { ...options, service: service.name },
      { socket, address, logger: logger.child({ server: id }) },
    )
    storage = begun.storage
    bridge = await openStately(options, logger)
    node = new LiveNode({ ...options, ...begun, service, logger, address, bridge })
    await node.recover(durable)
    node.serve(socket, durable)
    if (options.join !== undefined) await node.join(options.join, invited)
    return node
  } catch (error) {
    try {
      socket.close()
    } catch {
      // The node has closed it already.
    }
    await Promise.all([storage?.close().catch(() => undefined), node?.closeInspection(), bridge?.close()])
    throw error
  }
}
