/**
 * A program that takes a lock, holds it until it is lost, and prints what happens: `lock-client SERVERS NAME TTL_MS`. A turn of its event
 * loop that comes more than a ttl after the one before follows a suspension: the program then prints whether the signal of its lock has
 * aborted by the end of that turn.
 */
import { connect, type Lock } from '../../src/client/index.ts'

const [servers = '', name = '', ttl = ''] = process.argv.slice(2)
const ttlMs = Number(ttl)
const turnMs = 20

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

let lock: Lock | null = null
let turnAtMs = Date.now()
setInterval(() => {
  const lateMs = Date.now() - turnAtMs
  turnAtMs = Date.now()
  if (lateMs < ttlMs) return
  setImmediate(() => print(`suspended, signal.aborted is ${lock?.signal.aborted}`))
}, turnMs)

const client = connect({ servers: servers.split(','), ttlMs })
const held = await client.locks.acquire(name)
lock = held
print(`granted ${held.token}`)
const whenLost = () => {
  client.locks.release(name, held.token).then(
    (freed) => print(`lost, freed is ${freed}`),
    (error: Error) => print(`lost, ${error.message}`),
  )
}
if (held.signal.aborted) whenLost()
else held.signal.addEventListener('abort', whenLost)
