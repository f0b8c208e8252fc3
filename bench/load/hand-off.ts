/** One lock that many wait for. Each holder frees it at once, and waits for it again. */
import { setMaxListeners } from 'node:events'
import { type Client, connect } from '../../src/index.ts'
import { elapse } from '../workspace.ts'

export interface HandOff {
  readonly servers: readonly string[]
  /** The name of the lock. Nobody may have waited for it before. */
  readonly name: string
  /** How many requests wait at any time. */
  readonly waiters: number
  readonly seconds: number
  readonly warmUpSeconds: number
  /** The measurement is given up when not all requests wait after this time. */
  readonly setUpSeconds: number
}

/** Each request waits in a session of its own, by a ttl of its own: a session waits for a lock once. No session ends meanwhile. */
const longestTtlMs = 24 * 60 * 60 * 1_000

/** The most clients among which the waiters are divided. */
const mostClients = 10

/** After so many requests, every client waits for the answer of another one: more at once would overflow the buffers of the sockets. */
const burst = 200

/** Measures how often a second the lock passes from a holder to a waiter; `null` when it was given up. */
export async function measureHandOff(handOff: HandOff): Promise<number | null> {
  const { servers, waiters, seconds, warmUpSeconds, setUpSeconds } = handOff
  const clients = Array.from({ length: Math.min(mostClients, waiters) }, () => connect({ servers }))
  const holder = connect({ servers })
  const ended = new AbortController()
  // Each waiting request listens.
  setMaxListeners(0, ended.signal)
  const queue = new WaitingQueue(handOff.name, clients, ended.signal)
  const limit = setTimeout(() => ended.abort(), setUpSeconds * 1_000)
  try {
    const held = await holder.locks.acquire(handOff.name)
    await queue.fill(waiters)
    clearTimeout(limit)
    if (ended.signal.aborted) return null
    await held.release()
    await elapse(warmUpSeconds)
    const [before, begin] = [queue.grants, performance.now()]
    await elapse(seconds)
    return ((queue.grants - before) * 1_000) / (performance.now() - begin)
  } finally {
    ended.abort()
    await queue.emptied()
    await Promise.all([holder, ...clients].map((client) => client.close()))
  }
}

/** The requests for one lock. They end when `ended` aborts. */
class WaitingQueue {
  readonly #name: string
  readonly #clients: readonly Client[]
  readonly #ended: AbortSignal
  readonly #waiting: Promise<void>[] = []
  grants = 0

  constructor(name: string, clients: readonly Client[], ended: AbortSignal) {
    this.#name = name
    this.#clients = clients
    this.#ended = ended
  }

  /** Makes `count` requests wait, or fewer when `ended` aborts. */
  async fill(count: number): Promise<void> {
    while (this.#waiting.length < count && !this.#ended.aborted) {
      const place = this.#waiting.length
      this.#waiting.push(
        this.#waitAndFree(this.#clients[place % this.#clients.length]!, longestTtlMs - place),
      )
      if (this.#waiting.length % burst === 0 || this.#waiting.length === count) await this.#probe()
    }
  }

  /** Resolves when no request waits any more. Rejects with the first error of a request, other than the abortion. */
  async emptied(): Promise<void> {
    await Promise.all(this.#waiting)
  }

  async #waitAndFree(client: Client, ttl: number): Promise<void> {
    await this.#unlessEnded(async () => {
      for (;;) {
        const lock = await client.locks.acquire(this.#name, { signal: this.#ended, ttl })
        this.grants += 1
        await lock.release()
      }
    })
  }

  /** Waits until the servers have answered a request of every client. */
  async #probe(): Promise<void> {
    await this.#unlessEnded(async () => {
      await Promise.all(
        this.#clients.map(async (client, place) => {
          const lock = await client.locks.acquire(`${this.#name}-probe-${place}`, { signal: this.#ended })
          await lock.release()
        }),
      )
    })
  }

  /** Runs `work`, and ignores its error when `ended` has aborted. */
  async #unlessEnded(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      if (!this.#ended.aborted) throw error
    }
  }
}
