/** A program that puts a key that lives with its session, and prints when that is done, and when the key is lost: `key-client SERVERS KEY TTL_MS`. */
import { connect } from '../../src/client/index.ts'

const [servers = '', key = '', ttl = ''] = process.argv.slice(2)
const client = connect({ servers: servers.split(','), ttlMs: Number(ttl) })
await client.kv.put(key, 'here', { session: true })
process.stdout.write('put\n')
client.kv.signalOf(key).addEventListener('abort', () => process.stdout.write('lost\n'))
setInterval(() => undefined, 60_000)
