import { expect, test } from 'vitest'
import type { Write } from '../../machines/outputs.ts'
import type { JournalEvent } from '../../src/journal/journal-lines.ts'
import { MemoryStorage } from '../../src/storage/memory-storage.ts'
import { beginFounder } from '../support/founder-runtime.ts'
import { ballot, batch, informant } from '../support/role.ts'

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

test.each([
  ['the question for the next page leaves before a page is written and executed', false],
  ['where a journal is written, the question leaves with all else', true],
])('%s', async (_, isJournaled) => {
  const seen: string[] = []
  const recorder = isJournaled ? { lastClock: 0, record: () => undefined, flush: () => undefined } : null
  const runtime = await beginFounder(recorder, (what) => seen.push(what), new WatchedStorage(seen))
  const names = { incarnation: 'founder-1', addressee: 'founder-0' }
  runtime.dispatch('learner', { type: 'behind.noticed', firstUnchosen: 3, informant: informant(1), atMs: 0 })
  const page = { from: 0, batches: [batch('a'), batch('b')], firstUnchosen: 3, unsettled: false }
  runtime.hear(1, { type: 'chosen', ...page }, names, '127.0.0.1:1', 1)
  const asks = isJournaled ? ['learn to 1'] : ['learn to 1', 'what waits leaves']
  expect(seen).toEqual([...asks, ...asks, 'write of the learner'])
  expect(runtime.firstUnexecuted).toBe(2)
  runtime.finish()
})
