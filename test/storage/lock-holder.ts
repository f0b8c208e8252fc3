/** A process that locks the directory it is given, prints `locked` or the reason why it cannot, and keeps the lock until it is ended. */
import { lockDirectory } from '../../src/storage/directory-lock.ts'

try {
  await lockDirectory(process.argv[2]!)
  process.stdout.write('locked\n')
  setInterval(() => undefined, 60_000)
} catch (error) {
  process.stdout.write(`${(error as Error).message}\n`)
}
