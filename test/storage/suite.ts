/** What every storage does; `test/storage/*.test.ts` run it against each. */
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Batch, Instance } from '../../machines/batch.ts'
import { afterWrite, nothingDurable } from '../../src/core/durable.ts'
import { type Storage, StorageError } from '../../src/storage/storage.ts'
import { accepting, ballot, batch, identity, learning, record } from './fixtures.ts'

/** A place where a storage keeps its data: what one keeps there the next one finds. */
export interface Place {
  /** A storage that is not open yet, there. */
  storage(): Storage
  dispose(): Promise<void>
}

export function describeStorage(name: string, makePlace: () => Promise<Place>): void {
  describe(`${name}: what every storage does`, () => {
    let place: Place
    let storage: Storage

    beforeEach(async () => {
      place = await makePlace()
      storage = place.storage()
    })
    afterEach(async () => {
      await storage.close()
      await place.dispose()
    })

    async function founded(): Promise<void> {
      await storage.open()
      await storage.initialise(identity)
    }
    async function held(from: Instance, limitBytes: number): Promise<Batch[]> {
      const page = await storage.chosen(from, limitBytes)
      if (page === null) throw new Error(`the batch of instance ${from} is not held`)
      return page
    }
    async function reopened() {
      await storage.close()
      storage = place.storage()
      return storage.open()
    }

    it('holds nothing at first', async () => {
      expect(await storage.open()).toEqual({ identity: null, ...nothingDurable, torn: null })
      expect(await storage.chosen(0, 1_000)).toEqual([])
      expect(await reopened()).toEqual({ identity: null, ...nothingDurable, torn: null })
    })

    it('keeps whose data it is, and nobody else can take it over', async () => {
      await founded()
      await expect(storage.initialise({ ...identity, node: 2 })).rejects.toThrow(StorageError)
      expect((await reopened()).identity).toEqual(identity)
      await expect(storage.initialise(identity)).rejects.toThrow('holds the data of a server already')
      expect((await reopened()).identity).toEqual(identity)
    })

    it('takes no write before it knows whose data it is', async () => {
      await storage.open()
      await expect(storage.persist(accepting(1))).rejects.toThrow('not initialised')
      expect(await reopened()).toEqual({ identity: null, ...nothingDurable, torn: null })
    })

    it('takes no write unless it is open', async () => {
      await expect(storage.initialise(identity)).rejects.toThrow(StorageError)
      await founded()
      await storage.close()
      await expect(storage.persist(accepting(1))).rejects.toThrow(StorageError)
      await expect(storage.chosen(0, 1_000)).rejects.toThrow(StorageError)
      expect((await reopened()).promised).toBeNull()
    })

    it('keeps what was promised and accepted', async () => {
      await founded()
      await storage.persist(accepting(3))
      expect(await reopened()).toMatchObject({ promised: ballot(3), accepted: [] })
      await storage.persist(accepting(4, record(0, 4, 'a'), record(1, 4, 'ü "☃" \u{1f600} \ud800')))
      await storage.persist(accepting(5, record(1, 5, 'c')))
      expect(await reopened()).toEqual({
        identity,
        promised: ballot(5),
        accepted: [record(0, 4, 'a'), record(1, 5, 'c')],
        firstUnchosen: 0,
        snapshot: null,
        floor: 0,
        torn: null,
      })
    })

    it('takes what was accepted as chosen when it is learned', async () => {
      await founded()
      const accepted = record(0, 1, 'a')
      await storage.persist(accepting(1, accepted, record(1, 1, 'b')))
      await storage.persist({ by: 'learner', chosen: [{ instance: 0, batch: accepted.batch }] })
      expect(await storage.chosen(0, 1_000)).toEqual([batch('a')])
      expect(await reopened()).toMatchObject({ accepted: [record(1, 1, 'b')], firstUnchosen: 1 })
      expect(await storage.chosen(0, 1_000)).toEqual([batch('a')])
    })

    it('replaces what was accepted by another batch that was chosen', async () => {
      await founded()
      await storage.persist(accepting(1, record(0, 1, 'loser')))
      await storage.persist(learning(0, 'winner'))
      expect(await storage.chosen(0, 1_000)).toEqual([batch('winner')])
      expect(await reopened()).toMatchObject({ accepted: [], firstUnchosen: 1, promised: ballot(1) })
      expect(await storage.chosen(0, 1_000)).toEqual([batch('winner')])
    })

    it('never lets what is accepted late replace what was chosen', async () => {
      await founded()
      await storage.persist(learning(0, 'winner'))
      await storage.persist(accepting(2, record(0, 2, 'loser'), record(1, 2, 'b')))
      expect(await storage.chosen(0, 1_000)).toEqual([batch('winner')])
      expect(await reopened()).toMatchObject({ accepted: [record(1, 2, 'b')], firstUnchosen: 1 })
      expect(await storage.chosen(0, 1_000)).toEqual([batch('winner')])
    })

    it('reads what was chosen from the moment it was asked to write it', async () => {
      await founded()
      await storage.persist(learning(0, 'a'))
      const late = [
        storage.persist(accepting(1, record(1, 1, 'loser'))),
        storage.persist(learning(1, 'b')),
        storage.persist(learning(2, 'c', 'd')),
      ]
      expect(await storage.chosen(0, 10_000)).toEqual(['a', 'b', 'c', 'd'].map(batch))
      expect(await storage.chosen(3, 10_000)).toEqual([batch('d')])
      await Promise.all(late)
      expect(await storage.chosen(0, 10_000)).toEqual(['a', 'b', 'c', 'd'].map(batch))
    })

    it('reads each batch once while it writes', async () => {
      await founded()
      const names = Array.from({ length: 40 }, (_, instance) => `n${instance}`)
      const reads: Promise<Batch[]>[] = []
      const writes = names.map(async (name, instance) => {
        const written = storage.persist(learning(instance, name))
        reads.push(held(0, 1_000_000))
        await written
        reads.push(held(0, 1_000_000))
      })
      await Promise.all(writes)
      for (const page of await Promise.all(reads)) {
        expect(page).toEqual(names.slice(0, page.length).map(batch))
        expect(page.length).toBeGreaterThan(0)
      }
      expect((await reads.at(-1))?.length).toBe(40)
    })

    it('refuses what does not continue what is known to be chosen, and goes on', async () => {
      await founded()
      await storage.persist(learning(0, 'a'))
      await expect(storage.persist(learning(2, 'c'))).rejects.toThrow(StorageError)
      await expect(storage.persist(learning(2, 'c'))).rejects.toThrow('1 is the first unchosen')
      await expect(storage.persist(learning(0, 'a'))).rejects.toThrow('1 is the first unchosen')
      await expect(
        storage.persist({
          by: 'learner',
          chosen: [
            { instance: 1, batch: batch('x') },
            { instance: 3, batch: batch('y') },
          ],
        }),
      ).rejects.toThrow('2 is the first unchosen')
      expect(storage.failed).toBeNull()
      expect(await storage.chosen(0, 1_000)).toEqual([batch('a')])
      await storage.persist(learning(1, 'b'))
      expect((await reopened()).firstUnchosen).toBe(2)
      expect(await storage.chosen(0, 1_000)).toEqual([batch('a'), batch('b')])
    })

    it('reads pages within the limit, in order and without a gap', async () => {
      await founded()
      const names = Array.from({ length: 60 }, (_, instance) => 'x'.repeat((instance * 37) % 300))
      await storage.persist(learning(0, ...names.slice(0, 40)))
      await reopened()
      const late = storage.persist(learning(40, ...names.slice(40)))
      const limit = 1_000
      const read: Batch[] = []
      while (read.length < 60) {
        const page = await held(read.length, limit)
        expect(page.length).toBeGreaterThan(0)
        const bytes = page.reduce((sum, each) => sum + Buffer.byteLength(JSON.stringify(each)), 0)
        if (page.length > 1) expect(bytes).toBeLessThanOrEqual(limit)
        read.push(...page)
      }
      expect(read).toEqual(names.map(batch))
      expect(await storage.chosen(60, limit)).toEqual([])
      expect(await storage.chosen(61, limit)).toEqual([])
      await late
    })

    it('reads one batch that is larger than the limit', async () => {
      await founded()
      await storage.persist(learning(0, 'x'.repeat(5_000), 'b'))
      expect(await storage.chosen(0, 100)).toEqual([batch('x'.repeat(5_000))])
      await reopened()
      expect(await storage.chosen(0, 0)).toEqual([batch('x'.repeat(5_000))])
    })

    it('never reads what is accepted as chosen', async () => {
      await founded()
      await storage.persist(learning(0, 'a'))
      await storage.persist(accepting(1, record(1, 1, 'b'), record(2, 1, 'c')))
      expect(await storage.chosen(0, 10_000)).toEqual([batch('a')])
      expect(await storage.chosen(1, 10_000)).toEqual([])
    })

    it('resolves in the order of the calls', async () => {
      await founded()
      const order: number[] = []
      await Promise.all(
        Array.from({ length: 20 }, (_, round) =>
          storage
            .persist(round % 3 === 0 ? learning(round / 3, 'x') : accepting(round))
            .then(() => order.push(round)),
        ),
      )
      expect(order).toEqual(Array.from({ length: 20 }, (_, round) => round))
      expect((await reopened()).promised).toEqual(ballot(19))
    })

    it('finishes what was asked for when it is closed', async () => {
      await founded()
      const writes = [
        storage.persist(accepting(1, record(0, 1, 'a'))),
        storage.persist(learning(0, 'a', 'b')),
      ]
      await storage.close()
      await Promise.all(writes)
      expect(await reopened()).toMatchObject({ promised: ballot(1), firstUnchosen: 2 })
      expect(await storage.chosen(0, 1_000)).toEqual([batch('a'), batch('b')])
    })

    it('can be closed twice', async () => {
      await founded()
      await Promise.all([storage.close(), storage.close()])
      await storage.close()
    })

    it('cannot be opened twice', async () => {
      await storage.open()
      await expect(storage.open()).rejects.toThrow(StorageError)
    })

    it('follows the rule of durable.ts, through any writes and any opening', async () => {
      const name = fc.constantFrom('a', 'b')
      const step = fc.oneof(
        {
          weight: 4,
          arbitrary: fc.record({
            do: fc.constant('accept' as const),
            offset: fc.integer({ min: -1, max: 2 }),
            name,
          }),
        },
        {
          weight: 4,
          arbitrary: fc.record({
            do: fc.constant('learn' as const),
            names: fc.array(name, { maxLength: 3 }),
          }),
        },
        { weight: 1, arbitrary: fc.record({ do: fc.constant('await' as const) }) },
        { weight: 1, arbitrary: fc.record({ do: fc.constant('reopen' as const) }) },
      )
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
          const own = await makePlace()
          let tried = own.storage()
          await tried.open()
          await tried.initialise(identity)
          let model = nothingDurable
          const chosen: Batch[] = []
          let writes: Promise<void>[] = []
          for (const [round, each] of [...steps, { do: 'reopen' as const }].entries()) {
            if (each.do === 'accept' || each.do === 'learn') {
              const instance = model.firstUnchosen
              const write =
                each.do === 'learn'
                  ? learning(instance, ...each.names)
                  : accepting(round, record(Math.max(0, instance + each.offset), round, each.name))
              model = afterWrite(model, write, (_, batch) => chosen.push(batch))
              writes.push(tried.persist(write))
              continue
            }
            await Promise.all(writes)
            writes = []
            if (each.do === 'reopen') {
              await tried.close()
              tried = own.storage()
              expect(await tried.open()).toEqual({ identity, ...model, torn: null })
            }
            expect(await tried.chosen(0, 1_000_000)).toEqual(chosen)
          }
          await tried.close()
          await own.dispose()
        }),
        { numRuns: 40 },
      )
      // Each case waits for syncs of a real disk, which others may keep busy.
    })
  })
}
