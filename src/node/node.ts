import { randomInt, randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { type Logger, pino } from 'pino'
import type { Address, Batch, Instance, Json, NodeId } from '../../machines/batch.ts'
import { answerTo } from '../../machines/founding.ts'
import type { Names } from '../../machines/inbox.ts'
import { defaultLimits, type Limits } from '../../machines/limits.ts'
import { isCounted, shownMembers } from '../../machines/members.ts'
import type { Welcome } from '../../machines/messages.ts'
import type { Execution } from '../../machines/outcome.ts'
import type { Oddity } from '../../machines/outputs.ts'
import { defaultTiming, type Timing } from '../../machines/timing.ts'
import { connect } from '../client/index.ts'
import { delayName } from '../core/chart-names.ts'
import { messageOf } from '../core/message-of.ts'
import { addressOf, isHeard } from '../core/reach.ts'
import type { Executor } from '../core/router.ts'
import { StartError } from '../core/start-error.ts'
import { visible } from '../core/visible.ts'
import type { ControlCommand, ControlResult } from '../inspect/records/control.ts'
import { isControlCommand } from '../inspect/records/control-check.ts'
import { protocolVersion } from '../inspect/records/protocol.ts'
import type { FateRecord } from '../inspect/records/record.ts'
import { Observer } from '../inspect/report/observer.ts'
import { Reporter } from '../inspect/report/reporter.ts'
import { StatelyBridge } from '../inspect/report/stately.ts'
import { JournalWriter } from '../journal/journal-writer.ts'
import { formatAddress } from '../network/address.ts'
import type { Resolver } from '../network/resolver.ts'
import { bindSocket, socketBufferBytes } from '../network/socket.ts'
import { lockService } from '../services/lock.ts'
import { thrownInWords } from '../services/reason.ts'
import { Replica } from '../services/replica.ts'
import type { Service } from '../services/service.ts'
import type { Durable, Identity, Storage } from '../storage/storage.ts'
import { maxCommandBytes } from '../wire/codec.ts'
import { begin, joinPatienceMs } from './begin.ts'
import { ExecutedLog } from './executed-log.ts'
import { type Fate, Faults } from './faults.ts'
import { greet } from './greet.ts'
import { type Bootstrap, recordOf } from './identity.ts'
import { answerToJoin, type Invited, Joining, refusalIn } from './joining.ts'
import { type OptionWords, programWords } from './option-words.ts'
import { canonicalOptions } from './options.ts'
import { executeChosen, recoveredFrom } from './recover.ts'
import { type Mouth, Runtime } from './runtime.ts'
import { Seldom } from './seldom.ts'
import { statusOf } from './status.ts'
import { type Receiver, Transport } from './transport.ts'
import { Troubles } from './troubles.ts'

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

const stopPatienceMs = 2_000
/** How often a server that joins reminds its learner of what it is to learn. */
const noticeMs = 2_000
/** How long a server that joins waits for what it is to learn, without anything new, before it asks to be admitted, or asks again. */
const joinProgressMs = 5_000
/** How often an oddity is logged, at most. */
const oddityLogMs = 60_000
const pageBytes = 1_000_000
/** How often it is logged that clients which speak plain text got no answer, at most. */
const silenceLogMs = 60_000

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
  const { id, service = lockService as Service, logger = pino({ level: 'silent' }) } = options
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
    await Promise.all([storage?.close().catch(() => undefined), node?.hush(), bridge?.close()])
    throw error
  }
}

/** Whoever asks for it wants the server more than the bridge: without it, the server goes on. */
async function openStately({ id, stately }: NodeOptions, logger: Logger): Promise<StatelyBridge | null> {
  if (stately === undefined) return null
  try {
    return await StatelyBridge.open(id, stately)
  } catch (error) {
    const reason = messageOf(error)
    logger.error({ reason }, "nothing is shown in Stately's inspector")
    return null
  }
}

function openJournal(path: string, logger: Logger, { names }: OptionWords): JournalWriter {
  try {
    return new JournalWriter(path, (error) => {
      logger.error({ reason: error.message }, 'the journal cannot be written: it ends here')
    })
  } catch (error) {
    throw new StartError(`${names.journal} ${path}: ${messageOf(error)}`)
  }
}

const oddityTexts: Readonly<Record<Oddity, string>> = {
  stranger: 'dropped what a server said that is no member and does not know this one',
  round: 'dropped a ballot with a round far above every known one',
  instance: 'dropped a message about an instance far above every known one',
  batch: 'refused a second batch for one ballot and instance: two servers use one id, or one lies',
  void: 'a server holds a record above an instance at which nothing was accepted: it is void',
  chosen: 'dropped a batch that was said to be chosen where this server knows another one',
}

class LiveNode implements RunningNode {
  readonly id: NodeId
  readonly address: Address
  readonly cluster: string
  readonly ended: Promise<string | null>
  readonly #options: NodeOptions & { readonly service: Service; readonly words: OptionWords }
  readonly #identity: Identity
  readonly #storage: Storage
  readonly #logger: Logger
  readonly #replica: Replica
  /** What the service did wrong. */
  readonly #mistakes: Troubles
  readonly #runtime: Runtime
  readonly #executedLog: ExecutedLog | null
  readonly #journal: JournalWriter | null
  readonly #faults: Faults | null
  readonly #reporter: Reporter | null
  readonly #observer: Observer | null
  readonly #watchers = new Set<() => void>()
  readonly #silences = new Seldom(silenceLogMs)
  /** Servers that found a cluster and are no founders of this one. */
  readonly #refusals = new Seldom(silenceLogMs)
  readonly #oddities = new Map<Oddity, Seldom>()
  #transport: Transport | null = null
  /** Of a server that began earlier, and asks to join since it is not counted. */
  #joining: Joining | null = null

  constructor(
    options: NodeOptions & {
      readonly service: Service
      readonly words: OptionWords
      readonly logger: Logger
      readonly address: Address
      readonly identity: Identity
      readonly storage: Storage
      readonly bridge: StatelyBridge | null
    },
  ) {
    const { id, address, identity, storage, bridge, service, logger, dataDir, executedLog, journal } = options
    this.id = id
    this.address = address
    this.cluster = identity.cluster
    this.#options = options
    this.#identity = identity
    this.#storage = storage
    this.#logger = logger.child({ server: id })
    this.#mistakes = new Troubles((since, latest) =>
      this.#logger.warn({ since, latest }, 'requests failed since the service is at fault'),
    )
    this.#replica = new Replica({
      service,
      members: identity.members,
      mistaken: (thrown) => this.#mistakes.count('service', new Error(thrownInWords(thrown))),
    })
    this.#executedLog =
      executedLog === true && dataDir !== null
        ? new ExecutedLog(join(dataDir, 'executed.log'), (error) => {
            this.#logger.error(
              { reason: error.message },
              'the log of executed requests cannot be written: it ends here',
            )
          })
        : null
    this.#journal = journal === undefined ? null : openJournal(journal, this.#logger, options.words)
    this.#faults = options.allowFaults === true ? new Faults(id, (fate) => this.#tellFate(fate)) : null
    this.#reporter = this.#newReporter()
    this.#observer = this.#reporter === null ? null : this.#newObserver(this.#reporter)
    const replica = this.#replica
    const executor: Executor = {
      get members() {
        return replica.members
      },
      hasWaiting: (node) => replica.waitingNodes.includes(node),
      execute: (instance, batch) => {
        const execution = this.#replica.execute(instance, batch)
        this.#executedLog?.record(batch, execution)
        if (execution.members !== null) {
          this.#logger.info({ instance, members: execution.members }, 'members changed')
        }
        for (const watcher of this.#watchers) watcher()
        return execution
      },
      recall: ({ uid, seq, command }) => this.#replica.recall(uid, seq, command),
    }
    const { incarnation } = identity
    this.#runtime = new Runtime({ self: id, incarnation }, storage, executor, {
      recorder: this.#journal,
      observer: this.#observer,
      inspect: bridge?.inspect ?? null,
    })
    this.ended = this.#runtime.ended.then(async (reason) => {
      if (reason !== null) this.#logger.fatal({ reason }, 'halted')
      this.#observer?.ended(reason)
      await Promise.all([this.#executedLog?.close(), this.hush(), bridge?.close()])
      this.#journal?.close()
      this.#mistakes.close()
      await storage.close().catch(() => undefined)
      return reason
    })
  }

  /** Tells the inspector nothing more. */
  async hush(): Promise<void> {
    await this.#reporter?.close()
  }

  #newReporter(): Reporter | null {
    const { inspect, service } = this.#options
    if (inspect === undefined) return null
    const { cluster, incarnation, members: founders } = this.#identity
    return new Reporter({
      hub: inspect,
      hello: {
        type: 'server.hello',
        version: protocolVersion,
        node: this.id,
        incarnation,
        run: randomUUID(),
        cluster,
        service: service.name,
        founders,
        address: this.address,
        allowsFaults: this.#faults !== null,
      },
      onControl: (command) =>
        isControlCommand(command) && (command.type === 'rules' || command.type === 'timer')
          ? this.control(command)
          : { ok: false, error: `server ${this.id} does not understand the command` },
    })
  }

  #newObserver(reporter: Reporter): Observer {
    return new Observer(
      {
        address: this.address,
        replica: this.#replica,
        snapshot: (role) => this.#runtime.snapshot(role),
        clock: () => this.#runtime.clock,
      },
      reporter,
      (error) => {
        this.#logger.error({ reason: error.message }, 'the inspector is told nothing more')
        void reporter.close()
      },
    )
  }

  /** What the options are called. */
  get #words(): OptionWords['names'] {
    return this.#options.words.names
  }

  get #isCounted(): boolean {
    return isCounted(this.#replica.members, this.id, this.#identity.incarnation)
  }

  /** Executes again what is stored. */
  async recover({ promised, accepted, firstUnchosen }: Durable): Promise<void> {
    const chosen: Batch[] = []
    const executed = (batch: Batch, execution: Execution) => {
      this.#executedLog?.record(batch, execution)
      if (this.#journal !== null) chosen.push(batch)
    }
    await executeChosen(this.#storage, this.#replica, { firstUnchosen }, { pageBytes, executed })
    const { service, timing = defaultTiming, limits = defaultLimits } = this.#options
    const { cluster, incarnation, members: founders } = this.#identity
    this.#journal?.record({
      clock: this.#journal.lastClock,
      node: this.id,
      run: {
        cluster,
        service: service.name,
        incarnation,
        founders,
        timing,
        limits,
        durable: { promised, accepted, firstUnchosen },
        chosen,
      },
    })
  }

  /** Spawns the roles and lets them speak. */
  serve(socket: Awaited<ReturnType<typeof bindSocket>>, durable: Durable): void {
    const { id, timing = defaultTiming, limits = defaultLimits } = this.#options
    const { firstUnchosen } = durable
    if (socket.getRecvBufferSize() < socketBufferBytes) {
      this.#logger.warn(
        { granted: socket.getRecvBufferSize(), wanted: socketBufferBytes },
        'a small receive buffer was granted: bursts may be lost; raise net.core.rmem_max',
      )
    }
    const { incarnation: own } = this.#identity
    const cluster = {
      isHeard: (sender: NodeId, names: Names) => isHeard(sender, names, this.#replica.members, own),
      isMember: (server: NodeId, incarnation: string) =>
        isCounted(this.#replica.members, server, incarnation),
    }
    const receiver: Receiver = {
      hear: (sender, message, names, from, clock) => this.#runtime.hear(sender, message, names, from, clock),
      request: (message, from) => this.#runtime.request(message, from),
      ask: (message, from) => {
        const repeated = message.nonce === undefined ? {} : { nonce: message.nonce }
        if (message.type === 'hello') mouth.respond(from, { ...this.#welcome(), ...repeated })
        else mouth.respond(from, { type: 'report', status: this.status(), ...repeated })
      },
      join: (_, id, { incarnation: asking }, source) => {
        const { to, message } = answerToJoin({ id, asking, source }, this.#replica.members, this.#identity)
        transport.send(to, message)
      },
      invited: (answer, sender) => this.#joining?.hear(answer, sender),
      found: (question, founder, from) => {
        const { to, message } = answerTo(founder, from, question, recordOf(this.#identity))
        transport.send(to, message)
        if (message.type === 'notFounder')
          this.#refusals.happened((times) => this.#logRefusal(founder, from, times))
      },
      founder: () => undefined,
      silent: (reason, from) => this.#silences.happened((times) => this.#logSilence(reason, from, times)),
      leaving: () => {
        this.#journal?.flush()
        return this.#runtime.clock
      },
      ...cluster,
      addressOf: (id, addressee, last) => addressOf(id, addressee, this.#replica.members, last),
    }
    const receiving = this.#faults?.receiver(receiver) ?? receiver
    const transport = new Transport(socket, this.cluster, id, receiving, {
      resolver: this.#options.resolver,
      logTroubles: (since, latest) => this.#logger.warn({ since, latest }, 'datagrams failed'),
    })
    const open: Mouth = {
      send: (to, message, names) => {
        const address = transport.addressOf(to, names.addressee)
        if (address !== undefined) transport.send(address, message, names)
      },
      respond: (to, message) => transport.send(to, message),
      flag: (oddity, sender) => {
        transport.count(oddity)
        this.#logOddity(oddity, sender)
      },
      close: () => transport.close(),
      ...cluster,
    }
    const mouth = this.#faults?.mouth(open) ?? open
    this.#transport = transport
    this.#runtime.begin(recoveredFrom(this.#identity, this.#replica, durable), mouth, {
      timing,
      limits,
      randomSeed: randomInt(2 ** 31),
    })
    this.#reporter?.start({
      resume: () => this.#observer?.resume(),
      heads: () => this.#observer?.heads() ?? null,
    })
    this.#logger.info({ address: this.address, cluster: this.cluster, firstUnchosen }, 'serving')
    if (!this.#isCounted && this.#options.join === undefined) {
      this.#logger.warn(`not counted in this cluster: start with ${this.#words.join} to join it`)
    }
  }

  #logRefusal(founder: NodeId, from: Address, times: number): void {
    this.#logger.warn(
      { times, from, server: founder },
      `a server founds a cluster, and is no founder of this one by its directory or its ${this.#words['bootstrap.members']}: it is told to join`,
    )
  }

  #logSilence(reason: string, from: Address, times: number): void {
    this.#logger.warn({ times, from, example: visible(reason) }, 'requests in plain text got no answer')
  }

  /**
   * Catches up from the server at `seed`, or another that invited this one, and then asks to be counted. `invited` is what it was told
   * before it had a directory.
   */
  async join(seed: Address, invited: Invited | null): Promise<void> {
    if (this.#isCounted) return
    const { resolver, words } = this.#options
    const welcome = await greet(seed, { patienceMs: joinPatienceMs, resolver, words })
    if (welcome.cluster !== this.cluster) {
      throw new StartError(
        `${words.names.join} ${seed} leads to the cluster ${welcome.cluster}, and server ${this.id} has a directory of the cluster ${this.cluster}`,
      )
    }
    const { informant } = invited ?? (await this.#askToJoin(seed, welcome))
    // What only the server that was asked knew to be chosen may be gone with it: then the admission has it found.
    await this.#catchUp(welcome.instance, informant)
    const client = connect({ servers: [seed, ...welcome.members.map(({ address }) => address)] })
    try {
      const { incarnation } = this.#identity
      const admission = { action: 'admit', id: this.id, address: this.address, incarnation } as const
      const { instance } = await client.changeMembers(admission)
      // Every server that knew of the admission may have lost that in a crash: the acceptors still hold it, and a further request has
      // it found. To be admitted again changes nothing.
      while (!(await this.#catchUp(instance + 1, informant))) {
        await client.changeMembers(admission)
      }
    } catch (error) {
      throw new StartError(`${words.names.join} ${seed}: ${refusalIn(error)}`)
    } finally {
      await client.close()
    }
    this.#logger.info({ seed }, 'joined')
  }

  #askToJoin(seed: Address, welcome: Welcome): Promise<Invited> {
    const { id, address } = this
    const { incarnation } = this.#identity
    const { resolver, words } = this.#options
    const options = { patienceMs: joinPatienceMs, resolver, words }
    this.#joining = new Joining(seed, welcome, { id, address, incarnation }, options)
    return this.#joining.invitation((...said) => this.#transport?.send(...said))
  }

  /** Until everything below `firstUnchosen` is executed; `false` when nothing was executed for `joinProgressMs` before that. */
  #catchUp(firstUnchosen: Instance, { id, incarnation, address }: Invited['informant']): Promise<boolean> {
    this.#transport?.recordPlace(id, address, incarnation)
    const informant = { id, incarnation }
    const notice = () => {
      this.#runtime.dispatch('learner', { type: 'behind.noticed', firstUnchosen, informant })
    }
    notice()
    return new Promise((resolve, reject) => {
      // A learner gives up a target that nobody shows it: this one is known to be there.
      const again = setInterval(notice, noticeMs)
      const patience = setTimeout(() => end(() => resolve(false)), joinProgressMs)
      const end = (settle: () => void) => {
        clearInterval(again)
        clearTimeout(patience)
        this.#watchers.delete(watcher)
        settle()
      }
      const watcher = () => {
        patience.refresh()
        if (this.#replica.firstUnexecuted >= firstUnchosen) end(() => resolve(true))
      }
      this.#watchers.add(watcher)
      watcher()
      void this.ended.then((reason) =>
        end(() => reject(new StartError(`it ended before it had caught up: ${reason ?? 'stopped'}`))),
      )
    })
  }

  status(): Json {
    return statusOf({
      id: this.id,
      address: this.address,
      identity: this.#identity,
      replica: this.#replica,
      runtime: this.#runtime,
      transport: this.#transport ?? undefined,
      inspector: this.#reporter?.counters,
    })
  }

  control(command: NodeControl): ControlResult {
    if (this.#faults === null) {
      return {
        ok: false,
        error: `server ${this.id} was started without ${this.#words.allowFaults}: it does nothing of this`,
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
    this.#runtime.stop()
    const deadline = Date.now() + stopPatienceMs
    while (this.#runtime.isBusy && Date.now() < deadline) await new Promise((next) => setTimeout(next, 10))
    this.#transport?.flush()
    this.#runtime.finish()
    await this.ended
    this.#logger.info('stopped')
  }

  /** At most once a minute for each: a flood of them must not fill the log. */
  #logOddity(oddity: Oddity, sender: NodeId): void {
    const seldom = this.#oddities.get(oddity) ?? new Seldom(oddityLogMs)
    this.#oddities.set(oddity, seldom)
    seldom.happened((times) => this.#logger.warn({ oddity, sender, times }, oddityTexts[oddity]))
  }

  #tellFate(fate: Fate): void {
    this.#observer?.fate(fate)
    this.#options.onFate?.({ kind: 'fate', clock: this.#runtime.clock, timeMs: Date.now(), ...fate })
  }

  #welcome(): Welcome {
    return {
      type: 'welcome',
      cluster: this.cluster,
      node: this.id,
      instance: this.#replica.firstUnexecuted,
      members: shownMembers(this.#replica.members),
      commandBytes: maxCommandBytes,
    }
  }
}
