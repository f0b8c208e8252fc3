import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LogStorage } from '../../src/storage/log-storage.ts'
import { describeStorage, keepEveryBytes } from './suite.ts'

const small = { segmentBytes: 32 * 1_024, aheadBytes: 8 * 1_024 }

describeStorage('log', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'paxos-storage-'))
  return {
    storage: () => new LogStorage(directory, { keepEveryBytes }),
    dispose: () => rm(directory, { recursive: true }),
  }
})

describeStorage('log with small segments', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'paxos-storage-'))
  return {
    storage: () => new LogStorage(directory, { sizes: small, keepEveryBytes }),
    dispose: () => rm(directory, { recursive: true }),
  }
})
