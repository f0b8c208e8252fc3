/** Clients that hold locks or wait for one, and do nothing else: each keeps its session alive. */
import { type Client, connect } from '../../src/index.ts'
import { elapse } from '../workspace.ts'

export interface Holders {
  readonly servers: readonly string[]
  readonly clients: number
  /** The locks that each client holds. With 0, all wait for one lock, which another client holds. */
  readonly locks: number
}

/** So many clients take their locks at once: more would overflow the buffers of the sockets. */
const burst = 100

const waitedFor = 'waited-for'

let holding: readonly Client[] = []

/** Has new clients take locks and hold them, or wait. Resolves when each does. */
export async function holdLocks({ servers, clients, locks }: Holders): Promise<void> {
  const all = Array.from({ length: clients }, () => connect({ servers }))
  const holder = connect({ servers })
  holding = [...all, holder]
  if (locks === 0) await holder.locks.acquire(waitedFor)
  for (let first = 0; first < clients; first += burst) {
    const some = all.slice(first, first + burst)
    if (locks === 0) await wait(some, holder, first + some.length)
    else await Promise.all(some.map((client, place) => takeLocks(client, first + place, locks)))
  }
}

/** Has the clients wait. Resolves when so many requests wait in all. */
async function wait(clients: readonly Client[], holder: Client, waiters: number): Promise<void> {
  // Each request ends with its client.
  for (const client of clients) client.locks.acquire(waitedFor).catch(() => undefined)
  while ((await waitersAt(holder)) < waiters) await elapse(0.01)
}

/** The number of requests that wait at the servers. */
async function waitersAt(client: Client): Promise<number> {
  const { result } = await client.request({ action: 'query', name: waitedFor })
  const { locks } = result as { readonly locks: readonly { readonly waiting: number }[] }
  return locks[0]?.waiting ?? 0
}

async function takeLocks(client: Client, place: number, locks: number): Promise<void> {
  for (let first = 0; first < locks; first += burst) {
    const names = Array.from(
      { length: Math.min(burst, locks - first) },
      (_, index) => `${place}-${first + index}`,
    )
    await Promise.all(names.map((name) => client.locks.acquire(name)))
  }
}

/** Closes the clients of `holdLocks`. */
export async function closeHolders(): Promise<void> {
  const all = holding
  holding = []
  await Promise.all(all.map((client) => client.close()))
  // The sockets close in the background.
  await elapse(0.1)
}
