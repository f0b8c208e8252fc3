import { expect, test } from 'vitest'
import type { Write } from '../../machines/outputs.ts'
import type { JournalEvent } from '../../src/journal/journal-lines.ts'
import { MemoryStorage } from '../../src/storage/memory-storage.ts'
import { beginFounder } from '../support/founder-runtime.ts'
import { ballot } from '../support/role.ts'

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
  const recorder = {
    lastClock: 6,
    record: ({ clock, event }: JournalEvent) => seen.push(`record ${clock} ${event.type}`),
    flush: () => seen.push('flush'),
  }
  const runtime = await beginFounder(recorder, (what) => seen.push(what), storage)
  const names = { incarnation: 'founder-1', addressee: 'founder-0' }
  runtime.hear(1, { type: 'prepare', ballot: ballot(1, 1), from: 0 }, names, '127.0.0.1:1', 40)
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
