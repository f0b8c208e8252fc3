/** The directory of a run, and the waits between its steps. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Creates a directory for the files of this run. It is removed when this process ends, also when a signal ends it. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'paxos-bench-'))
  process.on('exit', () => rmSync(directory, { recursive: true, force: true, maxRetries: 3 }))
  return directory
}

export function elapse(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1_000))
}
