/** One lock that many wait for. Each holder frees it at once, and waits for it again. */
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
  const queue = new WaitingQueue(handOff.name, clients)
  const limit = setTimeout(() => queue.end(), setUpSeconds * 1_000)
  try {
    const held = await holder.locks.acquire(handOff.name)
    await queue.fill(waiters)
    clearTimeout(limit)
    if (queue.isEnded) return null
    await held.release()
    await elapse(warmUpSeconds)
    const [before, begin] = [queue.grants, performance.now()]
    await elapse(seconds)
    return ((queue.grants - before) * 1_000) / (performance.now() - begin)
  } finally {
    queue.end()
    await queue.emptied()
    await Promise.all([holder, ...clients].map((client) => client.close()))
  }
}

/** The requests for one lock. */
class WaitingQueue {
  readonly #name: string
  readonly #clients: readonly Client[]
  /** One for each request that waits: the listeners of one signal are a list, and each new one is compared with all of them. */
  readonly #enders: AbortController[] = []
  readonly #waiting: Promise<void>[] = []
  grants = 0
  isEnded = false

  constructor(name: string, clients: readonly Client[]) {
    this.#name = name
    this.#clients = clients
  }

  /** Makes `count` requests wait, or fewer when the queue ends meanwhile. */
  async fill(count: number): Promise<void> {
    while (this.#waiting.length < count && !this.isEnded) {
      const place = this.#waiting.length
      this.#waiting.push(
        this.#waitAndFree(this.#clients[place % this.#clients.length]!, longestTtlMs - place),
      )
      if (this.#waiting.length % burst === 0 || this.#waiting.length === count) await this.#probe()
    }
  }

  /** Ends all requests. */
  end(): void {
    this.isEnded = true
    for (const ender of this.#enders) ender.abort()
  }

  /** Resolves when no request waits any more. Rejects with the first error of a request, other than the abortion. */
  async emptied(): Promise<void> {
    await Promise.all(this.#waiting)
  }

  async #waitAndFree(client: Client, ttl: number): Promise<void> {
    const signal = this.#signal()
    await this.#unlessEnded(async () => {
      for (;;) {
        const lock = await client.locks.acquire(this.#name, { signal, ttl })
        this.grants += 1
        await lock.release()
      }
    })
  }

  /** Waits until the servers have answered a request of every client. */
  async #probe(): Promise<void> {
    const signal = this.#signal()
    await this.#unlessEnded(async () => {
      await Promise.all(
        this.#clients.map(async (client, place) => {
          const lock = await client.locks.acquire(`${this.#name}-probe-${place}`, { signal })
          await lock.release()
        }),
      )
    })
  }

  #signal(): AbortSignal {
    const ender = new AbortController()
    this.#enders.push(ender)
    return ender.signal
  }

  /** Runs `work`, and ignores its error when the queue has ended. */
  async #unlessEnded(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      if (!this.isEnded) throw error
    }
  }
}
