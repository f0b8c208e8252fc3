/** The load of clients on a cluster, through the library for programs. */
import { type Client, connect } from '../../src/index.ts'
import { type Measured, measureWindow, type Timed, type Window } from './window.ts'

/**
 * `pairs` takes and frees a lock; `put` sets a key of the key-value service, `get` reads it, and `staleGet` reads it from one server. Each
 * worker has a lock or a key of its own.
 */
export type Requests = 'pairs' | 'put' | 'get' | 'staleGet'

export interface Load extends Window {
  /** For each client, the servers in the order in which it tries them. */
  readonly clients: readonly (readonly string[])[]
  readonly requests: Requests
}

const value = 'a value of 24 characters'

type Cycle = (client: Client, worker: number, timed: Timed) => Promise<void>

const cycles: Readonly<Record<Load['requests'], Cycle>> = {
  async pairs(client, worker, timed) {
    const lock = await timed(() => client.locks.acquire(`bench-${worker}`))
    await timed(() => lock.release())
  },
  async put(client, worker, timed) {
    await timed(() => client.request({ action: 'put', key: `bench-${worker}`, value }))
  },
  async get(client, worker, timed) {
    await timed(() => client.kv.get(`bench-${worker}`))
  },
  async staleGet(client, worker, timed) {
    await timed(() => client.kv.get(`bench-${worker}`, { stale: true }))
  },
}

/** Measures `load`, with new clients. The workers are divided among the clients. */
export async function measureLoad(load: Load): Promise<Measured> {
  const clients = load.clients.map((servers) => connect({ servers }))
  const cycle = cycles[load.requests]
  try {
    return await measureWindow(load, (worker, timed) =>
      cycle(clients[worker % clients.length]!, worker, timed),
    )
  } finally {
    await Promise.all(clients.map((client) => client.close()))
  }
}
