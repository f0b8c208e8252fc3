/**
 * Takes a lock, does something under it, and frees it. Start a cluster first (`npx paxos cluster`), then run this program, twice if you
 * like: `npx tsx examples/lock.ts`. Addresses can be given as arguments. In a project of your own, package.json needs `"type": "module"`.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { connect } from 'paxos-made-simpler/client'

const servers = process.argv.slice(2)
const client = connect(servers.length > 0 ? { servers } : {})
try {
  const lock = await client.locks.acquire('invoices', { signal: AbortSignal.timeout(10_000) })
  try {
    console.log(`locked invoices, token ${lock.token}`)
    // Send the token along with each write: a store that remembers the largest one can refuse a late holder.
    await sleep(100)
  } finally {
    await lock.release()
    console.log('unlocked invoices')
  }
} finally {
  await client.close()
}
