import type { ServerIndex } from '../../machines/client-context.ts'
import type { Welcome } from '../../machines/messages.ts'
import { doubled } from '../../machines/timing.ts'
import type { Directory } from './directory.ts'
import { ForeignCluster } from './errors.ts'
import type { Settings } from './options.ts'

/** A welcome, and the server that answered with it. */
export interface Welcomed {
  readonly welcome: Welcome
  readonly server: ServerIndex
}

interface Waiter {
  readonly resolve: (welcomed: Welcomed) => void
  readonly reject: (reason: unknown) => void
}

/**
 * Sends hello to the servers in turn until one welcomes the client. Sends nothing while no caller waits, so a client whose
 * requests are all aborted becomes silent.
 */
export class Greeting {
  readonly #directory: Directory
  readonly #settings: Settings
  readonly #sendHello: (server: ServerIndex) => void
  readonly #waiters = new Set<Waiter>()
  readonly #foreign = new Set<ServerIndex>()
  #timer: NodeJS.Timeout | undefined
  #server: ServerIndex = 0
  #sent = 0

  constructor(directory: Directory, settings: Settings, sendHello: (server: ServerIndex) => void) {
    this.#directory = directory
    this.#settings = settings
    this.#sendHello = sendHello
  }

  /**
   * Rejects with the signal's reason, the reason of `fail`, or ForeignCluster when no server belongs to the expected
   * cluster.
   */
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

  receive(welcome: Welcome, server: ServerIndex): void {
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
    this.#sent = 0
    this.#foreign.clear()
    if (this.#timer === undefined) this.#send()
  }

  #send(): void {
    const { askIntervalMs, failoverTimeoutMs } = this.#settings.timing
    this.#sendHello(this.#server)
    this.#server = (this.#server + 1) % this.#directory.size
    const rounds = Math.floor(this.#sent / this.#directory.size)
    this.#sent += 1
    this.#timer = setTimeout(() => this.#send(), doubled(askIntervalMs, failoverTimeoutMs, rounds))
  }

  #stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }
}
