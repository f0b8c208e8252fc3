/**
 * A live server says a promise or an accepted only after the write of its acceptor that states it is synced: other writes may end
 * meanwhile, in any order. No other engine runs this part of a live server.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Write } from '../../machines/outputs.ts'
import { MemoryStorage } from '../../src/storage/memory-storage.ts'
import { beginFounder } from '../support/founder-runtime.ts'
import { ballot, batch } from '../support/role.ts'

/** A storage of which the test ends each write. */
class HeldStorage extends MemoryStorage {
  readonly held: { readonly write: Write; readonly end: () => void }[] = []

  override persist(write: Write): Promise<void> {
    return new Promise((resolve) => this.held.push({ write, end: resolve }))
  }
}

const names = { incarnation: 'founder-1', addressee: 'founder-0' }
const silent = { lastClock: 0, record: () => undefined, flush: () => undefined }

type Happening =
  | { readonly type: 'prepare' | 'accept' | 'chosen' }
  | { readonly type: 'end'; readonly by: Write['by'] }

const happenings = fc.array(
  fc.constantFrom<Happening>(
    { type: 'prepare' },
    { type: 'accept' },
    { type: 'chosen' },
    { type: 'end', by: 'learner' },
    { type: 'end', by: 'learner' },
    { type: 'end', by: 'acceptor' },
  ),
  { minLength: 3, maxLength: 25 },
)

test('nothing is said that a write of the acceptor has not made durable', async () => {
  await fc.assert(
    fc.asyncProperty(happenings, async (events) => {
      const storage = new HeldStorage()
      const said: string[] = []
      const runtime = await beginFounder(silent, (what) => said.push(what), storage)
      let round = 1
      let instance = 0
      let isSynced = false
      for (const { type, ...event } of events) {
        if (type === 'prepare') {
          round += 1
          runtime.hear(1, { type, ballot: ballot(round, 1), from: instance }, names, '127.0.0.1:1', 1)
        } else if (type === 'accept') {
          const accept = { type, ballot: ballot(round, 1), instance: instance + 1, batch: batch('a') }
          runtime.hear(1, accept, names, '127.0.0.1:1', 1)
        } else if (type === 'chosen') {
          runtime.dispatch('learner', { type: 'batch.chosen', instance, batch: batch(`${instance}`) })
          instance += 1
        } else {
          const by = 'by' in event ? event.by : 'learner'
          const place = storage.held.findIndex(({ write }) => write.by === by)
          const [ended] = place < 0 ? [] : storage.held.splice(place, 1)
          ended?.end()
          if (by === 'acceptor' && ended !== undefined) isSynced = true
        }
        await new Promise(setImmediate)
        const votes = said.filter((what) => what.startsWith('promise') || what.startsWith('accepted'))
        if (!isSynced) expect(votes).toEqual([])
      }
      runtime.finish()
      await runtime.ended
    }),
    { numRuns: 60 },
  )
})
