import { statfs } from 'node:fs'
import type { Operation } from '../core/process.ts'

/** The bytes that a user other than root may still write to the file system of `directory`. Costs one system call. */
export function freeBytesIn(directory: string): Operation<number> {
  return (ended) =>
    statfs(directory, (error, stats) => {
      if (error !== null) ended(error)
      else ended(null, stats.bavail * stats.bsize)
    })
}
