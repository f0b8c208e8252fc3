/**
 * A file store that refuses a late writer by its token. A process takes a lock with a ttl of one second, is stopped, and writes when it
 * goes on: too late. Runs three servers in memory: `npx tsx examples/fencing.ts`. The first port can be given as an argument.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, lockService, startNode } from 'paxos-made-simpler'

/** A file that only the holder of the largest token so far may write. The check and the write are one step of one process. */
class FencedFile {
  readonly #path: string
  #largestToken = 0
  constructor(path: string) {
    this.#path = path
  }
  write(token: number, text: string): 'written' | 'refused' {
    if (token < this.#largestToken) return 'refused'
    this.#largestToken = token
    writeFileSync(this.#path, text)
    return 'written'
  }
}

/** The process that is stopped. It has checked its lock before, so it writes without a further look. */
async function holder(servers: readonly string[]): Promise<void> {
  const client = connect({ servers, ttlMs: 1_000 })
  const lock = await client.locks.acquire('report')
  process.send?.({ token: lock.token })
  await once(process, 'message')
  process.send?.({ token: lock.token, text: 'late', isLost: lock.signal.aborted })
  process.disconnect()
  await client.close()
}

async function demonstration(firstPort: number): Promise<void> {
  const members = [0, 1, 2].map((id) => ({ id, address: `127.0.0.1:${firstPort + id}` }))
  const nodes = await Promise.all(
    members.map(({ id, address }) =>
      startNode({ id, listen: address, dataDir: null, bootstrap: { members }, service: lockService }),
    ),
  )
  const servers = members.map(({ address }) => address)
  const folder = mkdtempSync(join(tmpdir(), 'fencing-'))
  const path = join(folder, 'report.txt')
  const file = new FencedFile(path)

  const child = fork(import.meta.filename, ['holder', ...servers])
  const [held] = await once(child, 'message')
  console.log(`the first holder, token ${held.token}: ${file.write(held.token, 'first')}`)
  child.kill('SIGSTOP')
  const client = connect({ servers })
  // Granted when the ttl of the holder has run: it can send no sign of life.
  await client.locks.request('report', async ({ token }) => {
    console.log(`the second holder, token ${token}: ${file.write(token, 'second')}`)
    child.kill('SIGCONT')
    child.send('write')
    const [late] = await once(child, 'message')
    console.log(`the first holder goes on; its signal has aborted: ${late.isLost}`)
    console.log(`the first holder, token ${late.token}: ${file.write(late.token, late.text)}`)
  })
  console.log(`the file: ${readFileSync(path, 'utf8')}`)

  if (child.exitCode === null) await once(child, 'exit')
  rmSync(folder, { recursive: true })
  await client.close()
  await Promise.all(nodes.map((node) => node.stop()))
}

const [role, ...rest] = process.argv.slice(2)
if (role === 'holder') await holder(rest)
else await demonstration(Number(role ?? 29_500))
