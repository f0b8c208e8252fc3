import { messageOf } from '../../core/message-of.ts'
import type { Process } from '../../core/process.ts'
import { Damage } from './damage.ts'

/** Errors that the process or its user causes, and not the disk. */
const ofProcess: readonly string[] = ['EACCES', 'EPERM', 'EMFILE', 'ENFILE', 'ENOMEM']

/** Runs a read. An error of the disk is damage, never the end of a file. */
export function* intact<T>(read: Process<T>, file: string, offset = 0): Process<T> {
  try {
    return yield* read
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    if (ofProcess.includes(code))
      throw new Error(`${file} cannot be read: ${messageOf(error)}`, { cause: error })
    const isMissing = code === 'ENOENT'
    throw new Damage(
      file,
      offset,
      isMissing ? 'the file is missing' : `it cannot be read: ${messageOf(error)}`,
      error,
    )
  }
}
