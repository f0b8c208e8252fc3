import type { ServerIndex } from '../../machines/client.ts'
import type { Welcome } from '../../machines/messages.ts'
import { doubled } from '../../machines/timing.ts'
import type { Directory } from './directory.ts'
import { ForeignCluster } from './errors.ts'
import type { Settings } from './options.ts'

/** A welcome, and the server that was asked for it. */
export interface Welcomed {
  readonly welcome: Welcome
  readonly server: ServerIndex
}

interface Waiter {
  readonly resolve: (welcomed: Welcomed) => void
  readonly reject: (reason: unknown) => void
}

/**
 * Says hello to the servers in turn until one welcomes the client. Nothing is said while nobody waits for it, so a client
 * whose requests are all given up falls silent.
 */
export class Greeting {
  readonly #directory: Directory
  readonly #settings: Settings
  readonly #sayHello: (server: ServerIndex) => void
  readonly #waiters = new Set<Waiter>()
  readonly #foreign = new Set<ServerIndex>()
  #timer: NodeJS.Timeout | undefined
  #server: ServerIndex = 0
  #said = 0

  constructor(directory: Directory, settings: Settings, sayHello: (server: ServerIndex) => void) {
    this.#directory = directory
    this.#settings = settings
    this.#sayHello = sayHello
  }

  /** Rejects with the signal's reason, with ForeignCluster when no server is of the cluster asked for, or as `fail` says. */
  welcome(first: ServerIndex, signal: AbortSignal | undefined): Promise<Welcomed> {
    return new Promise<Welcomed>((resolve, reject) => {
      const end = () => {
        this.#waiters.delete(waiter)
        signal?.removeEventListener('abort', onAbort)
        if (this.#waiters.size === 0) this.#stop()
      }
      const onAbort = () => waiter.reject(signal?.reason)
      const waiter: Waiter = {
        resolve: (welcomed) => {
          end()
          resolve(welcomed)
        },
        reject: (reason) => {
          end()
          reject(reason)
        },
      }
      signal?.addEventListener('abort', onAbort, { once: true })
      this.#waiters.add(waiter)
      if (this.#waiters.size === 1) this.#begin(first)
    })
  }

  hear(welcome: Welcome, server: ServerIndex): void {
    const { cluster } = this.#settings
    if (cluster === null || welcome.cluster === cluster) {
      for (const waiter of [...this.#waiters]) waiter.resolve({ welcome, server })
      return
    }
    this.#foreign.add(server)
    if (this.#foreign.size >= this.#directory.size) this.fail(new ForeignCluster(cluster, welcome.cluster))
  }

  fail(reason: unknown): void {
    for (const waiter of [...this.#waiters]) waiter.reject(reason)
  }

  #begin(first: ServerIndex): void {
    this.#server = first
    this.#said = 0
    this.#foreign.clear()
    if (this.#timer === undefined) this.#say()
  }

  #say(): void {
    const { askIntervalMs, failoverTimeoutMs } = this.#settings.timing
    this.#sayHello(this.#server)
    this.#server = (this.#server + 1) % this.#directory.size
    const rounds = Math.floor(this.#said / this.#directory.size)
    this.#said += 1
    this.#timer = setTimeout(() => this.#say(), doubled(askIntervalMs, failoverTimeoutMs, rounds))
  }

  #stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }
}
