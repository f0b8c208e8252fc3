import { type Operation, type Process, until } from '../../core/process.ts'
import type { ReadableFiles } from '../files.ts'
import { Damage } from './damage.ts'
import { type LogContents, readLog } from './read-log.ts'

/**
 * Reads a log that a server may be writing. A server that writes, opens its log or removes a segment between two reads can make it
 * look damaged: a group may be read before it was written, and the next group after. The next reading no longer finds that, and
 * finds real damage at the same place again. So only damage that two successive readings find is damage. `pause` is waited for
 * between them.
 */
export function* readRunningLog(files: ReadableFiles, pause: Operation<void>): Process<LogContents | null> {
  for (let before: Damage | null = null; ; ) {
    try {
      return yield* readLog(files)
    } catch (error) {
      if (!(error instanceof Damage)) throw error
      if (before !== null && error.file === before.file && error.offset === before.offset) throw error
      before = error
    }
    yield* until(pause)
  }
}
