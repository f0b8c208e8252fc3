/**
 * Three processes elect a leader: the holder of a lock. The leader is killed, and another one leads when the ttl of the first has run.
 * Runs three servers in memory: `npx tsx examples/leader-election.ts`. The first port can be given as an argument.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { connect, lockService, startNode } from 'paxos-made-simpler'

/** A candidate. It leads until its signal aborts: it must have stopped by then, because another one may lead after that. */
async function candidate(servers: readonly string[]): Promise<void> {
  const client = connect({ servers, ttlMs: 1_000 })
  for (;;) {
    await client.locks.request('leader', async ({ token, signal }) => {
      // Send the token along with each order, so that those who obey can refuse the orders of an earlier leader.
      process.send?.({ token })
      await once(signal, 'abort')
    })
  }
}

async function election(firstPort: number): Promise<void> {
  const members = [0, 1, 2].map((id) => ({ id, address: `127.0.0.1:${firstPort + id}` }))
  const nodes = await Promise.all(
    members.map(({ id, address }) =>
      startNode({ id, listen: address, dataDir: null, bootstrap: { members }, service: lockService }),
    ),
  )
  const servers = members.map(({ address }) => address)
  const candidates = ['ann', 'bob', 'eve'].map((name) => ({
    name,
    child: fork(import.meta.filename, ['candidate', ...servers]),
  }))
  const leads = candidates.map(async ({ name, child }) => {
    const [{ token }] = await once(child, 'message')
    console.log(`${name} leads, with token ${token}`)
    return { name, child }
  })

  const first = await Promise.race(leads)
  console.log(`${first.name} is killed`)
  first.child.kill('SIGKILL')
  await Promise.race(leads.filter((_, place) => candidates[place]?.name !== first.name))

  // Anybody can ask who leads.
  const client = connect({ servers })
  const [leader] = (await client.locks.query({ name: 'leader' })).locks
  console.log(`leaders: ${leader?.held}, candidates that wait: ${leader?.waiting}`)

  for (const { child } of candidates) child.kill('SIGKILL')
  await client.close()
  await Promise.all(nodes.map((node) => node.stop()))
}

const [role, ...rest] = process.argv.slice(2)
if (role === 'candidate') await candidate(rest)
else await election(Number(role ?? 29_510))
