import type { Address, Json, MembershipChange } from '../../machines/batch.ts'
import type { ServerIndex } from '../../machines/client.ts'
import type { Position } from '../../machines/outcome.ts'
import { copyJson, isWellFormed } from '../core/json.ts'
import { messageOf } from '../core/message-of.ts'
import { shownValue } from '../core/shown-value.ts'
import { maxBodyDepth } from '../messages/limits.ts'
import { maxLockNameLength } from '../services/lock.ts'
import { maxCommandBytes } from '../wire/limits.ts'
import { Directory } from './directory.ts'
import { ClientClosed, InvalidArgument, type PaxosError, ServerSilent, UnexpectedResult } from './errors.ts'
import { Inquiries } from './inquiries.ts'
import { type From, type Heard, Link } from './link.ts'
import { type Settings, validAddress } from './options.ts'
import { type ExecutedRequest, Requests } from './requests.ts'

export interface RequestOptions {
  /** Gives the request up. If that comes too late the request rejects with Aborted, which carries the outcome. */
  readonly signal?: AbortSignal
}

/** A lock that is held. */
export interface Lock {
  readonly name: string
  /** A fencing token: of two holders of one lock, the later one's (instance, index) is the larger. */
  readonly token: Position
  /** Frees the lock; `false` when it was not held with this token any more. Rejects as `Client.unlock`. */
  unlock(options?: RequestOptions): Promise<boolean>
}

/** What a server said of itself, or why it is not known. */
export type ServerStatus =
  | { readonly server: Address; readonly status: Json }
  | { readonly server: Address; readonly error: PaxosError }

/**
 * A client of a cluster. Any number of requests may be outstanding; those asked in the same turn of the event loop share
 * datagrams. It keeps the process alive only while something is outstanding.
 */
export class Client {
  readonly #settings: Settings
  readonly #directory: Directory
  readonly #link: Link
  readonly #requests: Requests
  readonly #inquiries: Inquiries
  #closed: ClientClosed | null = null

  readonly #signal: AbortSignal | undefined
  readonly #onAbort = () => void this.#close(this.#signal?.reason)

  /** Made by `connect`; `signal` closes it. */
  constructor(settings: Settings, signal: AbortSignal | undefined) {
    this.#settings = settings
    this.#signal = signal
    this.#directory = new Directory(settings.servers, settings.resolver)
    this.#link = new Link(this.#directory, (message, from) => this.#hear(message, from))
    this.#requests = new Requests(this.#directory, settings, this.#link)
    this.#inquiries = new Inquiries(settings.timing, (server) => this.#link.say(server, { type: 'inquire' }))
    if (signal?.aborted) this.#onAbort()
    else signal?.addEventListener('abort', this.#onAbort, { once: true })
  }

  /**
   * Has the service execute `body`, once, however often servers and datagrams fail. Rejects with RequestFailed when the
   * service refuses it, RequestRefused when the cluster does, RequestTooLarge, Aborted, ClientClosed; or with the
   * signal's reason when it was given up and never executed. While no quorum answers, it goes on asking.
   */
  async request(body: Json, { signal }: RequestOptions = {}): Promise<ExecutedRequest> {
    return this.#requests.execute({ kind: 'service', body: asJson(body) }, signal)
  }

  /** Has the members changed; the change rules from the instance after the one it is executed at. Rejects as `request`. */
  async changeMembers(change: MembershipChange, { signal }: RequestOptions = {}): Promise<ExecutedRequest> {
    return this.#requests.execute({ kind: 'members', change: asChange(change) }, signal)
  }

  /**
   * Waits for the lock `name` and takes it. Given up by `signal`, it is not held afterwards: should it have been taken
   * meanwhile it is freed, and the signal's reason is what this rejects with; with Aborted if that could not be made
   * sure in time. Rejects as `request` otherwise.
   */
  async lock(name: string, { signal }: RequestOptions = {}): Promise<Lock> {
    const release = async (executed: ExecutedRequest) => {
      await this.unlock(name, tokenIn(executed.result))
    }
    const command = { kind: 'service', body: { action: 'lock', name: lockName(name) } } as const
    const { result } = await this.#requests.execute(command, signal, release)
    const token = tokenIn(result)
    return { name, token, unlock: (options) => this.unlock(name, token, options) }
  }

  /**
   * Frees the lock `name`: if it is held with `token`; without one, whoever holds it. Resolves to whether it was freed.
   * A token counts from any session, so it works however long the lock was held. Rejects as `request`.
   */
  async unlock(name: string, token?: Position, { signal }: RequestOptions = {}): Promise<boolean> {
    const held = token === undefined ? {} : { token: { ...validToken(token) } }
    const body = { action: 'unlock', name: lockName(name), ...held }
    const { result } = await this.#requests.execute({ kind: 'service', body } as const, signal)
    const freed = (result as { readonly freed?: Json } | null)?.freed
    if (typeof freed !== 'boolean') throw new UnexpectedResult('{ freed: boolean }', result)
    return freed
  }

  /** What every known server says of itself, or `server` alone. A server that says nothing gets an error, not the call. */
  async status(server?: Address): Promise<ServerStatus[]> {
    if (this.#closed !== null) throw this.#closed
    const known = this.#directory.addresses
    const only = server === undefined ? null : validAddress('the server must be host:port', server)
    if (only !== null && !known.includes(only)) {
      throw new InvalidArgument(`no server ${JSON.stringify(server)} is known; known are ${known.join(', ')}`)
    }
    this.#link.hold()
    try {
      const asked = only === null ? known : [only]
      return await Promise.all(asked.map((address) => this.#statusOf(address, known.indexOf(address))))
    } finally {
      this.#link.release()
    }
  }

  /** Asks nothing more; whatever is outstanding rejects with ClientClosed. Resolves when the sockets are closed. */
  async close(): Promise<void> {
    await this.#close()
  }

  async #close(reason?: unknown): Promise<void> {
    this.#signal?.removeEventListener('abort', this.#onAbort)
    this.#closed ??= new ClientClosed(reason)
    this.#requests.close(this.#closed)
    this.#inquiries.fail(this.#closed)
    await this.#link.close()
  }

  async #statusOf(address: Address, server: ServerIndex): Promise<ServerStatus> {
    const silence = () => new ServerSilent(address, this.#settings.timing.statusTimeoutMs)
    try {
      return { server: address, status: await this.#inquiries.ask(server, silence) }
    } catch (error) {
      if (error instanceof ServerSilent) return { server: address, error }
      throw error
    }
  }

  #hear(message: Heard, from: From): void {
    switch (message.type) {
      case 'response':
      case 'queued':
      case 'busy':
        this.#requests.hear(message, from)
        return
      case 'welcome':
        // One that answers no question of this client is somebody else's, or forged.
        if (from.server !== undefined) this.#requests.welcome(message, from.server)
        return
      case 'report':
        if (from.server === undefined) return
        this.#directory.answered(from.server)
        this.#inquiries.hear(message.status, from.server)
        return
    }
    message satisfies never
  }
}

/** How much of a body is looked at, in bytes of JSON: its size is told where it is above the limit of a command. */
const longestLookedAt = 64 * maxCommandBytes

/**
 * A copy of `body`, since it is sent again as long as nobody answers, and must be the same then. Throws InvalidArgument
 * when JSON cannot carry it without loss.
 */
function asJson(body: Json): Json {
  try {
    return copyJson(body, { depth: maxBodyDepth, bytes: longestLookedAt }, 'body')
  } catch (error) {
    const why = messageOf(error)
    throw new InvalidArgument(`the request cannot be sent: ${why}`, { cause: error })
  }
}

/** A copy of `change`, its address in canonical form. Throws InvalidArgument when nobody can send to it. */
function asChange(change: MembershipChange): MembershipChange {
  if (change.action === 'remove') return { ...change }
  return { ...change, address: validAddress(`the address of server ${change.id}`, change.address) }
}

/** `name`, of a lock. Throws InvalidArgument, naming the limit and the value received, when the lock service has no such name. */
function lockName(name: string): string {
  const isName = typeof name === 'string' && name.length >= 1 && name.length <= maxLockNameLength
  if (isName && isWellFormed(name)) return name
  throw new InvalidArgument(
    `a lock's name must be 1 to ${maxLockNameLength} characters of well-formed text; received ${shownName(name)}`,
  )
}

/** `token`, which is checked as the lock service does. Throws InvalidArgument when it is none. */
function validToken(token: Position): Position {
  const { instance, index } = token ?? {}
  if (isCount(instance) && isCount(index)) return { instance, index }
  throw new InvalidArgument(
    `a token must be { instance, index }, whole numbers from 0 on; received ${shownValue(token)}`,
  )
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function shownName(name: unknown): string {
  if (typeof name !== 'string' || name.length <= 80) return shownValue(name)
  return `${JSON.stringify(name.slice(0, 80))}… (${name.length} characters)`
}

function tokenIn(result: Json): Position {
  const { instance, index } = (result as { readonly token?: Partial<Position> } | null)?.token ?? {}
  if (typeof instance === 'number' && typeof index === 'number') return { instance, index }
  throw new UnexpectedResult('{ token: { instance, index } }', result)
}
