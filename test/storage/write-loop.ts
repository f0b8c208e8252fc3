/** A process that accepts and learns one instance after another in the directory it is given, and prints each that is stored. */
import { LogStorage } from '../../src/storage/log-storage.ts'
import { accepting, learning, record } from './fixtures.ts'

const storage = new LogStorage(process.argv[2]!)
const { firstUnchosen } = await storage.open()
for (let instance = firstUnchosen; ; instance += 1) {
  const round = instance + 1
  await storage.persist(accepting(round, record(instance, round, `n${instance}`)))
  process.stdout.write(`${instance}\n`)
  void storage.persist(learning(instance, `n${instance}`))
}
