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

export { StartError } from '../core/start-error.ts'

export interface NodeOptions {
  readonly id: NodeId
  /** Where to listen. */
  readonly listen: Address
  /** What other servers and clients use; by default where it listens. */
  readonly advertise?: Address
  /** Where it stores; `null` for memory, which forgets when the process ends. */
  readonly dataDir: string | null
  /** Found a new cluster, at its first start. */
  readonly bootstrap?: Bootstrap
  /** Ends the waiting for the other founders, or to be added. Once the server serves it does nothing: that ends with `stop`. */
  readonly signal?: AbortSignal
  /** Join the cluster of the server at this address. */
  readonly join?: Address
  /** By default the lock service. */
  readonly service?: Service
  /** By default nothing is logged. A logger of pino is one. */
  readonly logger?: Logger
  /** Write the requests that the service executed, in order, to `executed.log` in the data directory. */
  readonly executedLog?: boolean
  /** Keep a journal in this file: every event of the server, one a line. `paxos replay` runs it again. */
  readonly journal?: string
  /** Tell the inspector's hub at this address what happens, as far as that costs little. */
  readonly inspect?: Address
  /** Make the actors visible in Stately's own inspector, at this WebSocket URL. */
  readonly stately?: string
  readonly timing?: Timing
  readonly limits?: Limits
  /** Do what `control` is asked for: lose messages, fire timers. For a cluster that is played with. */
  readonly allowFaults?: boolean
  /** Looks names up; by default with the system's resolver, one name at a time in the whole process. */
  readonly resolver?: Resolver
  /** Told of every message that met a fault that was asked for. */
  readonly onFate?: (record: FateRecord) => void
}

/** What a server itself can be asked to do. */
export type NodeControl = Extract<ControlCommand, { type: 'rules' | 'timer' }>

export interface RunningNode {
  readonly id: NodeId
  readonly address: Address
  readonly cluster: string
  /** What `paxos status --json` shows of it. */
  status(): Json
  /** Has a fault happen. Without `allowFaults` nothing is done, as the answer then says. */
  control(command: NodeControl): ControlResult
  /** Takes no more requests, finishes what is under way and ends, within seconds. */
  stop(): Promise<void>
  /** Resolves when it has ended: `null` after `stop`, the reason when it halted. */
  readonly ended: Promise<string | null>
}

/**
 * Starts a server; resolves when it serves. One that founds a cluster waits for all other founders, so those of one program are
 * started side by side. Throws a `StartError`, or a `StorageError`, with one clear line when it cannot: the directory is in use,
 * damaged or another server's, the port is taken, it was told neither to found a cluster nor to join one, or the cluster that it
 * was to found exists. Throws the reason of `signal` when that aborts while it founds or waits to be added.
 */
export function startNode(options: NodeOptions): Promise<RunningNode> {
  return startNodeIn(programWords, options)
}

/** The same, with errors and a log in which the options are called as in `words`. */
export async function startNodeIn(words: OptionWords, given: NodeOptions): Promise<RunningNode> {
  const options = { ...canonicalOptions(given, words), words }
  const { id, service = lockService as Service, logger = silentLogger } = options
  const socket = await bindSocket(options.listen, options.resolver)
  const address = options.advertise ?? formatAddress(socket.address())
  let storage: Storage | null = null
  let bridge: StatelyBridge | null = null
  let node: LiveNode | null = null
  try {
    const begun = await begin(options, { socket, address, logger: logger.child({ server: id }) })
    const { identity, durable } = begun
    storage = begun.storage
    bridge = await openStately(options, logger)
    node = new LiveNode({ ...options, service, logger, address, identity, storage, bridge })
    await node.recover(durable)
    node.serve(socket, durable)
    if (options.join !== undefined) await node.join(options.join, begun.invited)
    return node
  } catch (error) {
    try {
      socket.close()
    } catch {
      // The node had closed it already.
    }
    await Promise.all([storage?.close().catch(() => undefined), node?.closeInspection(), bridge?.close()])
    throw error
  }
}
