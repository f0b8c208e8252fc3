/** A program that takes a lock, and ends without closing its client: `ends-holding SERVERS NAME`. */
import { connect } from '../../src/client/index.ts'

const [servers = '', name = ''] = process.argv.slice(2)
const client = connect({ servers: servers.split(',') })
const lock = await client.locks.acquire(name)
process.stdout.write(`granted ${lock.token}\n`)
