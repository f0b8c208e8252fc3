import { expect, test } from 'vitest'
import { defaultLimits } from '../../machines/limits.ts'
import type { Write } from '../../machines/outputs.ts'
import { defaultTiming } from '../../machines/timing.ts'
import { Runtime } from '../../src/node/runtime.ts'
import { MemoryStorage } from '../../src/node/storage/memory-storage.ts'
import { lockService } from '../../src/services/lock.ts'
import { Replica } from '../../src/services/replica.ts'
import { ballot, members } from '../support/role.ts'

/** A storage that says when it is asked to write. */
class WatchedStorage extends MemoryStorage {
  readonly #seen: string[]

  constructor(seen: string[]) {
    super()
    this.#seen = seen
  }

  override persist(write: Write): Promise<void> {
    this.#seen.push(`write of the ${write.by}`)
    return super.persist(write)
  }
}

test('an event is recorded before what it writes is given to the disk, and before it is spoken of', async () => {
  const seen: string[] = []
  const storage = new WatchedStorage(seen)
  await storage.open()
  await storage.initialise({ cluster: 'c', node: 0, incarnation: 'founder', members: members(3) })
  const replica = new Replica({ service: lockService, members: members(3) })
  const runtime = new Runtime(
    0,
    storage,
    {
      execute: (instance, batch) => replica.execute(instance, batch),
      recall: ({ uid, seq, command }) => replica.recall(uid, seq, command),
    },
    {
      recorder: {
        lastClock: 6,
        record: ({ clock, event }) => seen.push(`record ${clock} ${event.type}`),
        flush: () => seen.push('flush'),
      },
    },
  )
  runtime.begin(
    { self: 0, incarnation: 'founder', members: members(3), promised: null, accepted: [], firstUnchosen: 0 },
    {
      send: (to, { type }) => seen.push(`${type} to ${to}`),
      respond: () => undefined,
      close: () => undefined,
    },
    { timing: defaultTiming, limits: defaultLimits, randomSeed: 1 },
  )
  runtime.hear(1, { type: 'prepare', ballot: ballot(1, 1), from: 0 }, '127.0.0.1:1', 40)
  await new Promise(setImmediate)
  expect(seen).toEqual([
    'record 7 start',
    'record 41 hear',
    'flush',
    'write of the acceptor',
    'promise to 1',
    'record 42 synced',
  ])
  expect(runtime.clock).toBe(42)
  runtime.finish()
  expect(await runtime.ended).toBeNull()
})
