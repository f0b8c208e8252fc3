import type { Address, Json, MembershipChange, NodeId } from '../../machines/batch.ts'
import type { ServerIndex } from '../../machines/client-context.ts'
import { quotaRange } from '../../machines/limits.ts'
import { shownValue } from '../core/shown-value.ts'
import { asJson } from './body.ts'
import { Directory } from './directory.ts'
import { ClientClosed, InvalidArgument, type PaxosError, ServerSilent } from './errors.ts'
import type { ExecutedRequest } from './executed-request.ts'
import { Inquiries } from './inquiries.ts'
import { Kv } from './kv.ts'
import { type From, type Heard, Link } from './link.ts'
import { Locks } from './locks.ts'
import { type Settings, validAddress } from './options.ts'
import { type Reading, type ReadOptions, Reads } from './reads.ts'
import { Requests } from './requests.ts'
import { resultWith } from './result-with.ts'
import { Sessions } from './sessions.ts'
import { planOf } from './upgrade.ts'

export interface RequestOptions {
  /** Aborts the request. If the signal comes too late, the request rejects with Aborted, which carries the outcome. */
  readonly signal?: AbortSignal
}

/** What `upgrade` changed. */
export interface Upgraded {
  /** The version that is in force. */
  readonly version: number
  /** The version until then. */
  readonly before: number
}

/** What `setQuota` changed, in bytes. */
export interface ChangedQuota {
  readonly quotaBytes: number
  /** The quota until then. */
  readonly before: number
  /** The size of the replicated state. */
  readonly sizeBytes: number
}

/** The status that a server reported, or the error in place of it. */
export type ServerStatus =
  | { readonly server: Address; readonly status: Json }
  | { readonly server: Address; readonly error: PaxosError }

/**
 * A client of a cluster. Any number of requests may be outstanding. Requests that are made in the same turn of the event loop
 * share datagrams. The client keeps the process alive only while a request is outstanding.
 */
export class Client<Command = Json, Result = Json> {
  readonly #settings: Settings
  readonly #directory: Directory
  readonly #link: Link
  readonly #requests: Requests
  readonly #reads: Reads
  readonly #inquiries: Inquiries
  #closed: ClientClosed | null = null
  /** The calls of the lock service, for a cluster that runs the service `lock`. */
  readonly locks: Locks
  /** The calls of the key-value store, for a cluster that runs the service `kv`. */
  readonly kv: Kv

  /** The sessions of all clients. */
  readonly sessions = new Sessions((command, options) => this.#requests.execute(command, options))

  #closing: Promise<void> | null = null
  readonly #signal: AbortSignal | undefined
  readonly #onAbort = () => void this.#close(this.#signal?.reason)

  /** Made by `connect`; `signal` closes it. */
  constructor(settings: Settings, signal: AbortSignal | undefined) {
    this.#settings = settings
    this.#signal = signal
    this.#directory = new Directory(settings.servers, settings.resolver)
    this.#link = new Link(
      this.#directory,
      (message, from) => this.#receive(message, from),
      () => {
        this.#requests.flush()
        this.#reads.flush()
      },
    )
    this.#requests = new Requests(this.#directory, settings, this.#link)
    this.#reads = new Reads(this.#requests, {
      directory: this.#directory,
      link: this.#link,
      timing: settings.timing,
      drawName: () => this.#requests.drawName(),
    })
    this.locks = new Locks(this.#requests, this.#reads)
    this.kv = new Kv(this.#requests, this.#reads)
    this.#inquiries = new Inquiries(settings.timing, (server) => this.#link.say(server, { type: 'inquire' }))
    if (signal?.aborted) this.#onAbort()
    else signal?.addEventListener('abort', this.#onAbort, { once: true })
  }

  /**
   * Has the service execute `body` once, even if servers fail and datagrams are lost. Rejects with RequestFailed when the
   * service refuses the command, with QuotaExceeded when the state has no room for its effect, with RequestRefused when the cluster refuses the
   * request, and with RequestTooLarge, Aborted or ClientClosed, and with WrongService when the option `service` of `connect` names a service that the cluster does not
   * run. Rejects with the signal's reason when the request was aborted in time and will never be
   * executed. While no quorum answers, it keeps retrying.
   */
  async request(body: Command, { signal }: RequestOptions = {}): Promise<ExecutedRequest<Result>> {
    const executed = await this.#requests.execute({ kind: 'service', body: asJson(body) }, { signal })
    return executed as ExecutedRequest<Result>
  }

  /**
   * Has the service read what the command `body` asks for. A read writes nothing, opens no session, and is answered by any server that
   * reaches a quorum: from a state that contains every request that was answered before this call. With `stale`, the server answers from
   * its own state at once, without a quorum. Rejects with ReadFailed when the service refuses the command, for example because it does
   * not only read, and with RequestTooLarge, ClientClosed, WrongService, or the signal's reason.
   */
  async read(body: Command, options: ReadOptions = {}): Promise<Reading<Result>> {
    return (await this.#reads.read(asJson(body), options)) as Reading<Result>
  }

  /**
   * Changes the members. The change takes effect at the instance after the one that executes it. Rejects as `request` does.
   */
  async changeMembers(change: MembershipChange, { signal }: RequestOptions = {}): Promise<ExecutedRequest> {
    return this.#requests.execute({ kind: 'members', change: asChange(change) }, { signal })
  }

  /**
   * Changes the size that the replicated state may have, to a whole number of bytes from 1 MiB to 2^52. With a quota below the size only those
   * requests work that do not make the state larger. Rejects as `request` does.
   */
  async setQuota(bytes: number, { signal }: RequestOptions = {}): Promise<ChangedQuota> {
    const { least, most } = quotaRange
    if (!Number.isSafeInteger(bytes) || bytes < least || bytes > most) {
      throw new InvalidArgument(
        `the quota must be a whole number of bytes from ${least} to ${most}; received ${shownValue(bytes)}`,
      )
    }
    const { result } = await this.#requests.execute({ kind: 'quota', bytes }, { signal })
    return resultWith<ChangedQuota>(result, 'quotaBytes')
  }

  /**
   * Puts a version of the service's behaviour in force, from one instance on: `version`, or the latest version that all counted servers have.
   * Asks them first. Rejects with UpgradeRefused when a server does not have the version or is silent, with RequestFailed when the members
   * changed meanwhile or the version is older than the one in force, and otherwise as `request` does.
   */
  async upgrade({ version, signal }: RequestOptions & { readonly version?: number } = {}): Promise<Upgraded> {
    if (version !== undefined && !(Number.isSafeInteger(version) && version >= 1)) {
      throw new InvalidArgument(
        `the version must be a whole number from 1 on; received ${shownValue(version)}`,
      )
    }
    // The members that the cluster knows, not only those that the program named.
    await this.#requests.execute({ kind: 'sessions' }, { signal, isIdempotent: true })
    const plan = planOf(await this.status(), version)
    const { result } = await this.#requests.execute({ kind: 'upgrade', ...plan }, { signal })
    return resultWith<Upgraded>(result, 'version')
  }

  /** Requests the status of every known server, or of `server` alone. A silent server yields an entry with an error. */
  async status(server?: Address): Promise<ServerStatus[]> {
    if (this.#closed !== null) throw this.#closed
    const known = this.#directory.addresses
    const only = server === undefined ? null : validAddress('the server must be host:port', server)
    if (only !== null && !known.includes(only)) {
      throw new InvalidArgument(
        `no server ${JSON.stringify(server)} is known; the known servers are ${known.join(', ')}`,
      )
    }
    this.#link.hold()
    try {
      const asked = only === null ? known : [only]
      return await Promise.all(asked.map((address) => this.#statusOf(address, known.indexOf(address))))
    } finally {
      this.#link.release()
    }
  }

  /**
   * Stops all requests: outstanding ones reject with ClientClosed at once. Then frees what the client holds, by the end of its sessions.
   * With `endSessions` it also ends the sessions in which nothing is held, which otherwise end when their ttl has run: for a program that
   * makes a few requests and ends. Resolves when the cluster has confirmed that, or after `closeTimeoutMs` of the option `timing`, and the
   * sockets are closed.
   */
  async close({ endSessions = false }: { readonly endSessions?: boolean } = {}): Promise<void> {
    await this.#close(undefined, endSessions)
  }

  async #close(reason: unknown, endSessions = false): Promise<void> {
    this.#signal?.removeEventListener('abort', this.#onAbort)
    this.#closed ??= new ClientClosed(reason)
    this.locks.close(this.#closed)
    this.kv.close(this.#closed)
    this.#inquiries.fail(this.#closed)
    this.#reads.close(this.#closed)
    this.#closing ??= this.#requests.close(this.#closed, endSessions).then(() => this.#link.close())
    await this.#closing
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

  #receive(message: Heard, from: From): void {
    switch (message.type) {
      case 'response':
      case 'queued':
      case 'busy':
        this.#requests.receive(message, from)
        this.#reads.receive(message, from)
        return
      case 'welcome':
        // A welcome that answers no hello of this client was meant for another client, or is forged.
        if (from.server !== undefined) this.#requests.welcome(message, from.server)
        return
      case 'report':
        if (from.server === undefined) return
        this.#directory.answered(from.server)
        this.#inquiries.receive(message.status, from.server)
        return
      // The client asks for no backup: src/client/backup-source.ts does.
      case 'offer':
      case 'part':
      case 'noBackup':
        return
    }
    message satisfies never
  }
}

/** Copies `change`, with its addresses in canonical form. Throws InvalidArgument when no datagram can reach one of them. */
function asChange(change: MembershipChange): MembershipChange {
  if (change.action === 'remove') return { ...change }
  if (change.action !== 'move') return { ...change, address: addressOf(change) }
  const servers = change.servers.map(({ id, address }) => ({ id, address: addressOf({ id, address }) }))
  return { action: 'move', servers }
}

function addressOf({ id, address }: { readonly id: NodeId; readonly address: Address }): Address {
  return validAddress(`the address of server ${id}`, address)
}
