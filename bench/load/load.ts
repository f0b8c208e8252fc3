/** The load of clients on a cluster, through the library for programs. */
import { type Client, connect } from '../../src/index.ts'
import { type Measured, measureWindow, type Timed, type Window } from './window.ts'

export interface Load extends Window {
  /** For each client, the servers in the order in which it tries them. */
  readonly clients: readonly (readonly string[])[]
  /** `pairs` takes and frees a lock; `put` sets a key of the key-value service. Each worker has a lock or a key of its own. */
  readonly requests: 'pairs' | 'put'
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
