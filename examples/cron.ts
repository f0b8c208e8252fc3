/**
 * A job that runs once at each tick, on one of three machines. A lock lets one machine run at a time, and the key-value store has the last
 * tick that was done. Runs three servers and three clients in memory: `npx tsx examples/cron.ts`. The first port can be given as an argument.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Client, compose, connect, kvService, lockService, startNode } from 'paxos-made-simpler'

const everyMs = 200

/** Runs `job` for the tick unless a machine has done that. A machine that fails during the job leaves the tick to the next one. */
async function runOnce(client: Client, tick: number, job: () => Promise<void>): Promise<void> {
  await client.locks.request('cron/report', async (lock) => {
    const last = await client.kv.get('cron/report')
    if (last !== null && Number(last.value) >= tick) return
    // The job must stop when the signal aborts, and give the token to what it writes to.
    lock.signal.throwIfAborted()
    await job()
    // Fails when another machine has done a tick meanwhile.
    await client.kv.compareAndSet('cron/report', last?.version ?? 0, tick)
  })
}

const firstPort = Number(process.argv[2] ?? 29_520)
const members = [0, 1, 2].map((id) => ({ id, address: `127.0.0.1:${firstPort + id}` }))
const service = compose({ lock: lockService, kv: kvService })
const nodes = await Promise.all(
  members.map(({ id, address }) =>
    startNode({ id, listen: address, dataDir: null, bootstrap: { members }, service }),
  ),
)
const servers = members.map(({ address }) => address)
const machines = [1, 2, 3].map((machine) => ({ machine, client: connect({ servers }) }))

await Promise.all(
  machines.map(async ({ machine, client }) => {
    for (const tick of [1, 2, 3]) {
      // On real machines, the tick is the time of the clock, such as the number of the minute.
      await runOnce(client, tick, async () =>
        console.log(`tick ${tick}: machine ${machine} writes the report`),
      )
      await sleep(everyMs)
    }
  }),
)

await Promise.all(machines.map(({ client }) => client.close()))
await Promise.all(nodes.map((node) => node.stop()))
