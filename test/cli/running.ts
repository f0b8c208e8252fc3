import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach } from 'vitest'
import { BuiltPaxos } from '../support/built-paxos.ts'

/** What a test of commands that go on has: they end with it, and the directory is gone. */
export interface Running {
  readonly data: string
  start(...args: string[]): BuiltPaxos
  /** Has what was started otherwise end with the test. */
  add(process: BuiltPaxos): void
}

/** To be called once in a file of tests: it is made anew for each test. */
export function running(): Running {
  let data = ''
  let processes: BuiltPaxos[] = []
  beforeEach(async () => {
    data = await mkdtemp(join(tmpdir(), 'paxos-'))
    processes = []
  })
  afterEach(async () => {
    for (const process of processes) process.signal('SIGTERM')
    await Promise.all(processes.map(({ ended }) => ended))
    await rm(data, { recursive: true, force: true })
  })
  return {
    get data() {
      return data
    },
    start(...args) {
      const started = new BuiltPaxos(args)
      processes.push(started)
      return started
    },
    add(process) {
      processes.push(process)
    },
  }
}
