import { randomInt } from 'node:crypto'
import type { Socket } from 'node:dgram'
import { join } from 'node:path'
import type { Difference } from '../../machines/auditing.ts'
import type { Address, Batch, Json, NodeId } from '../../machines/batch.ts'
import type { Boot } from '../../machines/boot.ts'
import type { LearnerContext } from '../../machines/learner.ts'
import { defaultLimits, type Limits } from '../../machines/limits.ts'
import { defaultTiming } from '../../machines/timing.ts'
import { textOf } from '../core/bytes.ts'
import { delayName } from '../core/chart-names.ts'
import { type DurableState, durablePart } from '../core/durable.ts'
import { messageOf } from '../core/message-of.ts'
import type { ExecutedFact } from '../core/node-core.ts'
import { StartError } from '../core/start-error.ts'
import type { ControlResult } from '../inspect/records/control.ts'
import type { StatelyBridge } from '../inspect/report/stately.ts'
import { journalVersion } from '../journal/journal-lines.ts'
import { JournalWriter } from '../journal/journal-writer.ts'
import { thrownInWords } from '../services/reason.ts'
import { Replica } from '../services/replica.ts'
import type { Service } from '../services/service.ts'
import { textProtocolOf } from '../services/text-protocols.ts'
import { freeBytesIn } from '../storage/free-space.ts'
import type { Identity, OpenedStorage, Storage } from '../storage/storage.ts'
import { beAdmitted } from './admission.ts'
import type { BootsFile } from './boots-file.ts'
import { DiskWatch, defaultLowWaterBytes, type Space } from './disk-watch.ts'
import { ExecutedLog } from './executed-log.ts'
import { type Fate, Faults } from './faults.ts'
import { GivenAddresses } from './given-addresses.ts'
import { Inspection } from './inspection.ts'
import type { Invited } from './joining.ts'
import type { Logger } from './logger.ts'
import type { NodeControl, NodeOptions, RunningNode } from './node.ts'
import type { OptionWords } from './option-words.ts'
import { executeChosen, installStored } from './recover.ts'
import { Runtime } from './runtime.ts'
import { ServerPort } from './server-port.ts'
import { statusOf } from './status.ts'
import { Troubles } from './troubles.ts'
import { Warnings } from './warnings.ts'

/** How the cluster agrees on addresses that were given to a server. */
const toAgree = 'paxos members move has the cluster agree on it'

const stopPatienceMs = 2_000
const pageBytes = 1_000_000

/** The parts of a server whose identity is decided. */
export interface LiveNodeOptions extends NodeOptions {
  readonly service: Service
  readonly words: OptionWords
  readonly logger: Logger
  readonly address: Address
  readonly identity: Identity
  readonly boot: Boot
  /** Why this server sends nothing, as it had found in an earlier run; `null` while it takes part. */
  readonly withdrawn: string | null
  /** Makes this server send nothing in later runs either. */
  readonly withdraw: (reason: string) => void
  /** Makes the directory one with which no server starts. */
  readonly condemn: (reason: string) => void
  /** Where the boots of other members are stored; `null` for a server that stores in memory. */
  readonly boots: BootsFile | null
  readonly storage: Storage
  readonly bridge: StatelyBridge | null
}

/** A server whose identity is decided: its parts and their connections. */
export class LiveNode implements RunningNode {
  readonly id: NodeId
  readonly address: Address
  readonly cluster: string
  readonly ended: Promise<string | null>
  readonly #options: LiveNodeOptions
  readonly #identity: Identity
  readonly #logger: Logger
  readonly #replica: Replica
  readonly #addresses: GivenAddresses
  /** The errors of the service. */
  readonly #mistakes: Troubles
  readonly #runtime: Runtime
  readonly #executedLog: ExecutedLog | null
  readonly #journal: JournalWriter | null
  readonly #faults: Faults | null
  readonly #disk: DiskWatch | null
  readonly #inspection: Inspection | null
  #port: ServerPort | null = null

  constructor(options: LiveNodeOptions) {
    const { id, address, identity, boot, storage, bridge, service } = options
    const logger = options.logger.child({ server: id })
    this.id = id
    this.address = address
    this.cluster = identity.cluster
    this.#options = options
    this.#identity = identity
    this.#logger = logger
    this.#mistakes = new Troubles((since, latest) =>
      logger.warn({ since, latest }, 'requests failed because of errors in the service'),
    )
    const replica = new Replica({
      service,
      members: identity.members,
      mistaken: (thrown) => this.#mistakes.count('service', new Error(thrownInWords(thrown))),
    })
    this.#replica = replica
    this.#addresses = new GivenAddresses(options.addresses)
    this.#executedLog = openExecutedLog(options, logger)
    this.#journal = openJournal(options, logger)
    this.#faults = options.allowFaults === true ? new Faults(id, (fate) => this.#reportFate(fate)) : null
    const inspected = {
      ...{ identity, address, service, replica, logger },
      runtime: () => this.#runtime,
      allowsFaults: this.#faults !== null,
      control: (command: NodeControl) => this.control(command),
    }
    this.#inspection = options.inspect === undefined ? null : new Inspection(options.inspect, inspected)
    const { incarnation } = identity
    const trust = options.boots?.stored ?? []
    const { withdrawn } = options
    const settings = { self: id, incarnation, boot, trust, withdrawn, nodeRules: this.#addresses.rules }
    this.#runtime = new Runtime(settings, storage, replica, {
      recorder: this.#journal,
      observer: this.#inspection?.observer ?? null,
      inspect: bridge?.inspect ?? null,
      executed: (fact) => this.#executed(fact),
      disputed: (dispute, executed) => this.#reportDispute(dispute, executed),
      trust: (known) => options.boots?.keep(known),
      condemned: options.condemn,
      withdrawn: (reason) => {
        options.withdraw(reason)
        this.#reportWithdrawn(reason)
      },
      installed: ({ instance, lengthBytes }, from) =>
        logger.info({ from, instance, lengthBytes }, 'installed the snapshot of another server'),
      snapshots: {
        notDrawn: (reason) =>
          logger.error(
            { reason },
            'the service failed to give its state for a snapshot: the log keeps all batches',
          ),
        refused: (reason) => logger.warn({ reason }, 'refused the snapshot of another server'),
        resumed: ({ instance, lengthBytes }, keptBytes) =>
          logger.info(
            { instance, keptBytes, lengthBytes },
            'goes on receiving a snapshot of which it had kept a part before the restart',
          ),
      },
    })
    this.#disk = this.#watchDisk()
    this.ended = this.#runtime.ended.then((reason) => this.#closeAll(reason))
  }

  /** Stops reporting to the inspector. */
  async closeInspection(): Promise<void> {
    await this.#inspection?.close()
  }

  /** Installs the stored snapshot, and executes the batches after it again. */
  async recover({ torn, ...opened }: OpenedStorage): Promise<void> {
    if (torn !== null) this.#logger.warn(torn, 'dropped the end of the log: a write was interrupted there')
    const { service, storage, timing = defaultTiming } = this.#options
    const limits = this.#limits
    const chosen: Batch[] = []
    const executed = ({ batch, execution }: ExecutedFact) => {
      this.#executedLog?.record(batch, execution)
      if (this.#journal !== null) chosen.push(batch)
    }
    const parts: Uint8Array[] = []
    await installStored(storage, this.#runtime, opened, (part) => {
      if (this.#journal !== null) parts.push(part)
    })
    await executeChosen(storage, this.#runtime, opened, { pageBytes, executed })
    // A server that joins may get a later version with a snapshot.
    if (this.#options.join === undefined) this.#replica.checkVersion()
    const { cluster, incarnation, members: founders } = this.#identity
    const durable = durablePart(opened)
    const snapshot = durable.snapshot === null ? null : textOf(Buffer.concat(parts))
    const began = {
      ...{ cluster, service: service.name, incarnation, founders, timing, limits },
      trust: this.#runtime.trust,
      withdrawn: this.#runtime.whyWithdrawn,
      ...{ durable, snapshot, chosen },
    }
    const version = journalVersion
    this.#journal?.record({ version, clock: this.#journal.lastClock, node: this.id, run: began })
  }

  /** Spawns the roles and lets them send. */
  serve(socket: Socket, durable: DurableState): void {
    const { timing = defaultTiming, resolver, words } = this.#options
    const limits = this.#limits
    const logger = this.#logger
    this.#port = new ServerPort({
      ...{ socket, resolver, logger, storage: this.#options.storage },
      textProtocol: textProtocolOf(this.#options.service),
      identity: this.#identity,
      replica: this.#replica,
      addresses: this.#addresses,
      runtime: this.#runtime,
      faults: this.#faults,
      warnings: new Warnings(logger, words),
      status: () => this.status(),
      leaving: () => this.#journal?.flush(),
    })
    this.#runtime.begin(durable, this.#port.outbound, { timing, limits, randomSeed: randomInt(2 ** 31) })
    this.#disk?.start()
    this.#inspection?.start()
    const { firstUnchosen } = durable
    logger.info({ address: this.address, cluster: this.cluster, firstUnchosen }, 'serving')
    if (this.#options.withdrawn !== null) this.#reportWithdrawn(this.#options.withdrawn)
    for (const { agreed, given } of this.#addresses.differing(this.#replica.members)) {
      if (given.id === this.id) continue
      logger.warn(
        { agreed, given },
        `sends to server ${given.id} at ${given.address} by ${words.names.addresses}: ${toAgree}`,
      )
    }
    const isMember = this.#runtime.isMember(this.id, this.#identity.incarnation)
    if (!isMember && this.#options.join === undefined) {
      logger.warn(`not counted in this cluster: start with ${words.names.join} to join it`)
    }
  }

  /**
   * Asks the cluster to count this server, unless it is counted already. `invited` is the invitation that it received before it
   * had a directory.
   */
  async join(seed: Address, invited: Invited | null): Promise<void> {
    const { resolver, words } = this.#options
    const port = this.#port
    if (port === null) throw new Error('a server that does not serve cannot join')
    const [identity, address, runtime, logger] = [this.#identity, this.address, this.#runtime, this.#logger]
    await beAdmitted(seed, invited, { identity, address, runtime, port, resolver, words, logger })
  }

  status(): Json {
    return statusOf({
      id: this.id,
      address: this.address,
      identity: this.#identity,
      boot: this.#options.boot,
      replica: this.#replica,
      runtime: this.#runtime,
      transport: this.#port?.transport,
      inspector: this.#inspection?.counters,
      disk: this.#disk?.space ?? null,
    })
  }

  control(command: NodeControl): ControlResult {
    if (this.#faults === null) {
      const { names } = this.#options.words
      return {
        ok: false,
        error: `server ${this.id} was started without ${names.allowFaults}: it does not inject faults`,
      }
    }
    switch (command.type) {
      case 'rules':
        this.#faults.setRules(command.rules)
        return { ok: true, text: `server ${this.id}: rules in force: ${command.rules.length}` }
      case 'timer': {
        const { role, id } = command
        const timer = `${delayName(id)} of the ${role} of server ${this.id}`
        return this.#runtime.fireTimer(role, id)
          ? { ok: true, text: `${timer} has fired` }
          : { ok: false, error: `${timer} is not armed now: nothing was done` }
      }
    }
    command satisfies never
  }

  async stop(): Promise<void> {
    await this.#runtime.stop(stopPatienceMs)
    this.#port?.transport.flush()
    this.#runtime.finish()
    await this.ended
    this.#logger.info('stopped')
  }

  get #limits(): Limits {
    const { limits = defaultLimits, snapshotEvery = limits.snapshotEvery } = this.#options
    return { ...limits, snapshotEvery }
  }

  #executed({ instance, batch, execution }: ExecutedFact): void {
    const { members } = execution
    this.#executedLog?.record(batch, execution)
    if (members !== null) this.#logger.info({ instance, members }, 'members changed')
  }

  #reportWithdrawn(reason: string): void {
    this.#logger.error({ reason }, 'withdrawn: this server sends nothing more')
  }

  #reportDispute(dispute: Difference | null, executed: string): void {
    if (dispute === null) this.#logger.info('a quorum agrees again: requests for the service are accepted')
    else {
      const { instance, isFirst } = dispute
      this.#logger.error(
        { instance, isFirst, executed },
        'no quorum agrees about the outcomes of the service: requests for it are refused',
      )
    }
  }

  /** Watches the disk of a data directory, unless the option says 0. */
  #watchDisk(): DiskWatch | null {
    const { dataDir, diskLowWaterBytes: lowWaterBytes = defaultLowWaterBytes } = this.#options
    if (dataDir === null || lowWaterBytes === 0) return null
    const learner = () => this.#runtime.snapshot('learner')?.context as LearnerContext | undefined
    return new DiskWatch({
      freeBytes: freeBytesIn(dataDir),
      lowWaterBytes,
      snapshotBytes: () => learner()?.snapshot?.lengthBytes ?? 0,
      changed: (space) => this.#spaceChanged(space),
      failed: (reason) => this.#logger.warn({ reason }, 'the room on the disk cannot be measured'),
    })
  }

  #spaceChanged({ isLow, freeBytes, lowWaterBytes }: Space): void {
    this.#runtime.dispatch('requestQueue', { type: 'space.changed', isLow })
    const facts = { dataDir: this.#options.dataDir, freeBytes, lowWaterBytes }
    if (!isLow) this.#logger.info(facts, 'the disk has room again: takes requests of clients')
    else {
      this.#logger.error(
        facts,
        'the disk has little room left: takes no requests of clients until there is more; delete other files or enlarge the disk',
      )
    }
  }

  #reportFate(fate: Fate): void {
    this.#inspection?.observer.fate(fate)
    this.#options.onFate?.({ kind: 'fate', clock: this.#runtime.clock, timeMs: Date.now(), ...fate })
  }

  async #closeAll(reason: string | null): Promise<string | null> {
    const { bridge, boots, storage } = this.#options
    if (reason !== null) this.#logger.fatal({ reason }, 'halted')
    this.#inspection?.observer.ended(reason)
    await Promise.all([this.#executedLog?.close(), this.closeInspection(), bridge?.close()])
    this.#journal?.close()
    this.#mistakes.close()
    this.#disk?.stop()
    await boots?.close()
    await storage.close().catch(() => undefined)
    return reason
  }
}

function openExecutedLog({ executedLog, dataDir }: NodeOptions, logger: Logger): ExecutedLog | null {
  if (executedLog !== true || dataDir === null) return null
  return new ExecutedLog(join(dataDir, 'executed.log'), (error) => {
    logger.error({ reason: error.message }, 'the log of executed requests cannot be written: it ends here')
  })
}

function openJournal({ journal, words: { names } }: LiveNodeOptions, logger: Logger): JournalWriter | null {
  if (journal === undefined) return null
  try {
    return new JournalWriter(journal, (error) => {
      logger.error({ reason: error.message }, 'the journal cannot be written: it ends here')
    })
  } catch (error) {
    throw new StartError(`${names.journal} ${journal}: ${messageOf(error)}`)
  }
}
