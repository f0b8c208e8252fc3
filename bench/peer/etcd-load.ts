/** The load of one client on etcd. */
import { Etcd3 } from 'etcd3'
import type { Requests } from '../load/load.ts'
import { type Measured, measureWindow, type Window } from '../load/window.ts'
import { elapse } from '../workspace.ts'

export interface EtcdLoad extends Window {
  /** The client connects to this member alone. */
  readonly url: string
  /**
   * `pairs` takes and frees a lock, in the cheapest correct way: creates a key under a lease if it is absent, and deletes it. `put` sets
   * a key. `get` reads one, linearizable as it is by default; `staleGet` reads it as the member has it. Each worker has a key of its own.
   */
  readonly requests: Requests
}

/** How long a lock outlives its client, in seconds: one lease serves all locks. */
const leaseSeconds = 60

const value = 'a value of 24 characters'

/** The URL of the member that leads. Rejects when none does within ten seconds. */
export async function leaderOf(urls: readonly string[]): Promise<string> {
  const until = performance.now() + 10_000
  let refusal: unknown
  while (performance.now() < until) {
    for (const url of urls) {
      const etcd = new Etcd3({ hosts: url })
      try {
        const { header, leader } = await etcd.maintenance.status()
        if (header.member_id === leader && leader !== '0') return url
      } catch (error) {
        refusal = error
      } finally {
        etcd.close()
      }
    }
    await elapse(0.2)
  }
  throw new Error('no member of etcd leads', { cause: refusal })
}

/** Measures `load`, with a new client. */
export async function measureEtcdLoad(load: EtcdLoad): Promise<Measured> {
  const etcd = new Etcd3({ hosts: load.url })
  const lease = etcd.lease(leaseSeconds)
  try {
    const leaseId = await lease.grant()
    return await measureWindow(load, async (worker, timed) => {
      const key = `bench-${worker}`
      if (load.requests === 'put') {
        await timed(() => etcd.put(key).value(value).exec())
        return
      }
      if (load.requests === 'get' || load.requests === 'staleGet') {
        await timed(() =>
          (load.requests === 'get' ? etcd.get(key) : etcd.get(key).serializable(true)).string(),
        )
        return
      }
      const free = etcd.if(key, 'Create', '==', 0)
      // No other worker takes this lock. If the key exists, an earlier attempt of this request created it, and its answer was lost.
      await timed(() => free.then(etcd.put(key).value('').lease(leaseId)).commit())
      await timed(() => etcd.delete().key(key).exec())
    })
  } finally {
    await lease.revoke()
    etcd.close()
  }
}
