/** The locks that pages take. */
import type { Client, Lock } from '../../client/index.ts'

/** A lock that is held for the pages, with the client that keeps its session alive. */
interface HeldLock {
  readonly client: Client
  readonly lock: Lock
}

/**
 * The locks that pages ask for and hold. Each request for a lock has a client of its own, and so a session of its own: the lock
 * service refuses a session that asks twice for the same lock, and pages show how requests wait for each other.
 */
export class PageLocks {
  readonly #connect: () => Client
  /** The locks that are held, by name. */
  readonly #held = new Map<string, HeldLock>()
  readonly #clients = new Set<Client>()

  constructor(connect: () => Client) {
    this.#connect = connect
  }

  /** The number of locks that are held or asked for. */
  get count(): number {
    return this.#clients.size
  }

  /** Waits for the lock `name` and takes it, for all pages. Returns the new state in words. Rejects as `client.locks.acquire` does. */
  async lock(name: string, signal: AbortSignal): Promise<string> {
    const client = this.#open()
    try {
      const lock = await client.locks.acquire(name, { signal })
      const held = { client, lock }
      this.#held.set(name, held)
      if (lock.signal.aborted) this.#drop(name, held)
      else lock.signal.addEventListener('abort', () => this.#drop(name, held), { once: true })
      return `locked ${name} token ${lock.token}`
    } catch (error) {
      this.#close(client)
      throw error
    }
  }

  /**
   * Frees the lock `name` by its token when it is held for the pages, and otherwise when it was taken in plain text. Returns the new
   * state in words. Rejects as `client.locks.release` does.
   */
  async unlock(name: string, signal: AbortSignal): Promise<string> {
    const held = this.#held.get(name)
    if (held === undefined) return this.#unlockPlainText(name, signal)
    const isFreed = await held.lock.release({ signal })
    this.#drop(name, held)
    return isFreed ? `unlocked ${name}` : `${name} was not locked any more`
  }

  /** Closes all clients. The locks that they hold are freed when the ttl of their sessions has run. */
  async close(): Promise<void> {
    this.#held.clear()
    await Promise.all([...this.#clients].map((client) => client.close()))
  }

  async #unlockPlainText(name: string, signal: AbortSignal): Promise<string> {
    const client = this.#open()
    try {
      const isFreed = await client.locks.release(name, undefined, { signal })
      return isFreed ? `unlocked ${name}` : `${name} is not held by this page or in plain text`
    } finally {
      this.#close(client)
    }
  }

  #open(): Client {
    const client = this.#connect()
    this.#clients.add(client)
    return client
  }

  /** The lock is held no longer: it was freed, or its session is lost. */
  #drop(name: string, held: HeldLock): void {
    if (this.#held.get(name) === held) this.#held.delete(name)
    this.#close(held.client)
  }

  #close(client: Client): void {
    if (this.#clients.delete(client)) void client.close()
  }
}
