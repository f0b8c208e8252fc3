/**
 * A live founder. It asks the other founders for their identities until the cluster is founded, and persists what it learns
 * before it reports it.
 */
import type { Socket } from 'node:dgram'
import type { Address, Json, NodeId } from '../../machines/batch.ts'
import {
  answerTo,
  beginFounding,
  type FoundingRecord,
  type FoundingState,
  hearAnswer,
  isFinal,
  isSamePlan,
  othersOf,
  questionOf,
  unheardOf,
} from '../../machines/founding.ts'
import type { Found, Founder, NotFounder } from '../../machines/messages.ts'
import { doubled } from '../../machines/timing.ts'
import { StartError } from '../core/start-error.ts'
import type { Resolver } from '../network/resolver.ts'
import type { Identity } from '../storage/storage.ts'
import { obstacleText, waitText } from './founding-words.ts'
import type { Home } from './home.ts'
import { foundedIdentity } from './identity.ts'
import type { Logger } from './logger.ts'
import type { OptionWords } from './option-words.ts'
import { ignoringReceiver, type Receiver } from './receiver.ts'
import { Transport } from './transport.ts'

const firstAskMs = 50
const longestAskMs = 1_000
/** The time without an answer before the log names the missing founders, and the time between two such lines. */
const patienceMs = 10_000
const remindMs = 30_000
/** The most log lines about other servers, because any datagram may cause them. */
const maxLines = 50

export interface FoundingOptions {
  readonly socket: Socket
  /** The address at which others reach this server. */
  readonly address: Address
  readonly record: FoundingRecord
  readonly home: Home
  readonly logger: Logger
  readonly signal: AbortSignal | undefined
  /** Resolves the host names of the others; by default with the resolver that all servers of this process share. */
  readonly resolver: Resolver | undefined
  /** The names of the options in errors and the log. */
  readonly words: OptionWords
}

/**
 * Founds the cluster of `record` with the other founders. Resolves with the identity of this server, which is persisted in
 * `home`. Waits for founders that do not answer, and logs their names. Rejects with a `StartError` that says what to do when the
 * cluster exists without this server, and with the reason of `signal` when that aborts.
 */
export function foundCluster(options: FoundingOptions): Promise<Identity> {
  return new Foundation(options).founded
}

class Foundation {
  readonly founded: Promise<Identity>
  readonly #options: FoundingOptions
  readonly #transport: Transport
  readonly #logged = new Set<string>()
  #state: FoundingState
  #asked = 0
  #retry: NodeJS.Timeout | undefined
  #reminder: NodeJS.Timeout | undefined
  #resolve: (identity: Identity) => void = () => undefined
  #reject: (reason: unknown) => void = () => undefined

  readonly #onAbort = () => this.#fail(this.#options.signal?.reason)

  constructor(options: FoundingOptions) {
    this.#options = options
    this.#state = beginFounding(options.record)
    this.founded = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    const { socket, record, signal, resolver, logger } = options
    const receiver: Receiver = {
      // Clients ask another server, and servers tolerate lost messages.
      ...ignoringReceiver,
      addressOf: (id) => record.members.find((member) => member.id === id)?.address,
      ask: ({ type, nonce }, from) => {
        if (type !== 'inquire') return
        const repeated = nonce === undefined ? {} : { nonce }
        this.#transport.send(from, { type: 'report', status: this.#status(), ...repeated })
      },
      found: (question, from, source) => this.#guarded(() => this.#answer(from, question, source)),
      founder: (answer, from) => this.#guarded(() => this.#hear(from, answer)),
    }
    this.#transport = new Transport(socket, '', record.node, receiver, {
      resolver,
      logTroubles: (since, latest) => logger.warn({ since, latest }, 'datagrams failed'),
    })
    if (signal?.aborted) this.#onAbort()
    else {
      signal?.addEventListener('abort', this.#onAbort, { once: true })
      this.#guarded(() => {
        this.#keep(options.record)
        if (this.#state.record.isFounded) return
        this.#logWait('info')
        this.#ask()
        this.#reminder = setTimeout(() => this.#remind(), patienceMs)
      })
    }
  }

  /** Persists a changed record. Ends when the cluster is founded. */
  #keep(before: FoundingRecord): void {
    const { record } = this.#state
    if (record === before) return
    if (!record.isFounded) {
      this.#options.home.write({ kind: 'founding', record })
      return
    }
    const identity = foundedIdentity(record)
    this.#options.home.write({ kind: 'new', identity, service: record.service })
    this.#end()
    this.#resolve(identity)
  }

  #hear(from: NodeId, answer: Founder | NotFounder): void {
    const before = this.#state
    this.#state = hearAnswer(before, from, answer)
    if (this.#state !== before) this.#goOn(before)
  }

  #goOn(before: FoundingState): void {
    this.#keep(before.record)
    const { record, obstacles } = this.#state
    for (const obstacle of obstacles) {
      const text = obstacleText(record, obstacle, this.#options.words)
      if (isFinal(obstacle)) throw new StartError(text)
      this.#logOnce(text)
    }
    if (record.isFounded || record === before.record) return
    this.#asked = 0
    this.#ask()
  }

  #answer(from: NodeId, found: Found, source: Address): void {
    const { record } = this.#state
    const { to, message } = answerTo(from, source, found, record)
    this.#transport.send(to, message)
    if (!isSamePlan(found, record))
      this.#logOnce(obstacleText(record, { kind: 'otherPlan', of: from, plan: found }, this.#options.words))
    // That founder just started or learned something, so it may now answer what this server still needs.
    if (unheardOf(this.#state).includes(from)) this.#askOne(from)
  }

  #ask(): void {
    clearTimeout(this.#retry)
    // A lost datagram causes no event, so only a timer can trigger the repetition.
    for (const id of othersOf(this.#state.record)) this.#askOne(id)
    this.#retry = setTimeout(() => this.#ask(), doubled(firstAskMs, longestAskMs, this.#asked))
    this.#asked += 1
  }

  #askOne(id: NodeId): void {
    const { record } = this.#state
    const address = record.members.find((member) => member.id === id)?.address
    if (address !== undefined) this.#transport.send(address, questionOf(record))
  }

  #remind(): void {
    this.#logged.clear()
    this.#logWait('warn')
    const { record, obstacles } = this.#state
    for (const obstacle of obstacles) this.#logOnce(obstacleText(record, obstacle, this.#options.words))
    this.#reminder = setTimeout(() => this.#remind(), remindMs)
  }

  #logWait(level: 'info' | 'warn'): void {
    const waitsFor = unheardOf(this.#state)
    this.#options.logger[level]({ waitsFor }, `founding: waits for ${waitText(this.#state.record, waitsFor)}`)
  }

  /** Logs each text once until the next reminder. */
  #logOnce(text: string): void {
    if (this.#logged.has(text) || this.#logged.size >= maxLines) return
    this.#logged.add(text)
    this.#options.logger.error(text)
  }

  #status(): Json {
    const { record, obstacles } = this.#state
    return {
      id: record.node,
      address: this.#options.address,
      cluster: record.cluster,
      pid: process.pid,
      state: 'founding',
      counted: false,
      waitsFor: unheardOf(this.#state),
      obstacles: obstacles.map((obstacle) => obstacleText(record, obstacle, this.#options.words)),
      members: record.members.map(({ id, address }) => ({ id, address, counted: false })),
    }
  }

  #guarded(run: () => void): void {
    try {
      run()
    } catch (error) {
      this.#fail(error)
    }
  }

  #fail(reason: unknown): void {
    this.#end()
    this.#reject(reason)
  }

  #end(): void {
    // Other founders may wait for the messages that were just sent.
    this.#transport.flush()
    this.#transport.leave()
    this.#options.signal?.removeEventListener('abort', this.#onAbort)
    clearTimeout(this.#retry)
    clearTimeout(this.#reminder)
  }
}
