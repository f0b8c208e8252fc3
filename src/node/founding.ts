/** A founder, live: it asks the others who they are until the cluster is founded, and keeps what it learns before it tells it. */
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
import type { Receiver } from './receiver.ts'
import { Transport } from './transport.ts'

const firstAskMs = 50
const longestAskMs = 1_000
/** How long others may be silent before a line says who is waited for, and how long until it says so again. */
const patienceMs = 10_000
const remindMs = 30_000
/** Lines about others, which anybody may cause. */
const maxLines = 50

export interface FoundingOptions {
  readonly socket: Socket
  /** Where others find this server. */
  readonly address: Address
  readonly record: FoundingRecord
  readonly home: Home
  readonly logger: Logger
  readonly signal: AbortSignal | undefined
  /** Looks up the names of the others; by default that of all servers of this process. */
  readonly resolver: Resolver | undefined
  /** What errors and the log call the options. */
  readonly words: OptionWords
}

/**
 * Founds the cluster of `record` with the other founders: who this server is then, kept in `home`. It waits for a founder that is
 * silent, and says for whom. Rejects with a `StartError`, with what to do, when the cluster exists without this server, and with the
 * reason of `signal`.
 */
export function foundCluster(options: FoundingOptions): Promise<Identity> {
  return new Foundation(options).founded
}

class Foundation {
  readonly founded: Promise<Identity>
  readonly #options: FoundingOptions
  readonly #transport: Transport
  readonly #told = new Set<string>()
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
    const nothing = () => undefined
    const receiver: Receiver = {
      // Clients ask another server, and other servers know that messages are lost.
      hear: nothing,
      request: nothing,
      join: nothing,
      invited: nothing,
      silent: nothing,
      leaving: () => 0,
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

  /** Keeps what changed; ends when the cluster is founded. */
  #keep(before: FoundingRecord): void {
    const { record } = this.#state
    if (record === before) return
    if (!record.isFounded) {
      this.#options.home.write({ kind: 'founding', record })
      return
    }
    const identity = foundedIdentity(record)
    this.#options.home.write({ kind: 'new', identity })
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
      this.#tell(text)
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
      this.#tell(obstacleText(record, { kind: 'otherPlan', of: from, plan: found }, this.#options.words))
    // It has just come, or come to know more: what is still missing may be had now.
    if (unheardOf(this.#state).includes(from)) this.#askOne(from)
  }

  #ask(): void {
    clearTimeout(this.#retry)
    // A datagram that is lost causes no event, so only time shows that it has to be sent again.
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
    this.#told.clear()
    this.#logWait('warn')
    const { record, obstacles } = this.#state
    for (const obstacle of obstacles) this.#tell(obstacleText(record, obstacle, this.#options.words))
    this.#reminder = setTimeout(() => this.#remind(), remindMs)
  }

  #logWait(level: 'info' | 'warn'): void {
    const waitsFor = unheardOf(this.#state)
    this.#options.logger[level]({ waitsFor }, `founding: waits for ${waitText(this.#state.record, waitsFor)}`)
  }

  /** Once, until the next reminder. */
  #tell(text: string): void {
    if (this.#told.has(text) || this.#told.size >= maxLines) return
    this.#told.add(text)
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
    // What it has just told others may be what they wait for.
    this.#transport.flush()
    this.#transport.leave()
    this.#options.signal?.removeEventListener('abort', this.#onAbort)
    clearTimeout(this.#retry)
    clearTimeout(this.#reminder)
  }
}
