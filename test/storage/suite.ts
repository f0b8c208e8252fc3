/** What every storage does; `test/storage/*.test.ts` run it against each. */
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Batch, Instance } from '../../machines/batch.ts'
import type { SnapshotName } from '../../machines/snapshot-name.ts'
import { joined } from '../../src/core/bytes.ts'
import { afterWrite, nothingDurable, withoutCompacted } from '../../src/core/durable.ts'
import type { SnapshotDraft } from '../../src/storage/snapshot-draft.ts'
import { type Storage, StorageError } from '../../src/storage/storage.ts'
import {
  accepting,
  ballot,
  batch,
  compacting,
  identity,
  learning,
  record,
  snapshotBytes,
  snapshotName,
} from './fixtures.ts'

/** A place where a storage keeps its data: what one keeps there the next one finds. */
export interface Place {
  /** A storage that is not open yet, there. */
  storage(): Storage
  dispose(): Promise<void>
}

/** What the storages of the suite keep of a received snapshot: the snapshots have 100 bytes. */
export const keepEveryBytes = 30

/** Writes and seals the snapshot file of `instance`. */
async function sealed(storage: Storage, instance: Instance, draft = storage.draft()): Promise<SnapshotDraft> {
  const bytes = snapshotBytes(instance)
  const { lengthBytes, digest } = snapshotName(instance)
  await Promise.all([draft.append(bytes.subarray(0, 60)), draft.append(bytes.subarray(60))])
  expect(await draft.seal()).toEqual({ lengthBytes, digest })
  return draft
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
    async function received(instance: Instance, visit: (bytes: Uint8Array) => void = () => undefined) {
      return storage.receive(snapshotName(instance), visit)
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

    /** Writes and seals the file of a snapshot, and persists the write that names it. */
    async function compact(instance: Instance, floor: Instance): Promise<void> {
      await sealed(storage, instance)
      await storage.persist(compacting(instance, floor))
    }
    async function part(name: SnapshotName, offset: number, lengthBytes: number): Promise<Uint8Array | null> {
      const read = await storage.readSnapshot(name, offset, lengthBytes)
      return read === null ? null : Uint8Array.from(read)
    }
    const wholeSnapshot = (instance: Instance) => part(snapshotName(instance), 0, 1_000)

    it('keeps a snapshot that was taken, and the chosen batches from its floor on', async () => {
      await founded()
      await storage.persist(accepting(3, record(0, 3, 'a'), record(4, 3, 'e'), record(5, 3, 'f')))
      await storage.persist(learning(0, 'a', 'b', 'c', 'd'))
      await compact(3, 2)
      const durable = {
        promised: ballot(3),
        accepted: [record(4, 3, 'e'), record(5, 3, 'f')],
        firstUnchosen: 4,
        snapshot: snapshotName(3),
        floor: 2,
      }
      for (const isAgain of [false, true]) {
        if (isAgain) expect(await reopened()).toMatchObject(durable)
        expect(await storage.chosen(1, 1_000)).toBeNull()
        expect(await storage.chosen(2, 10_000)).toEqual(['c', 'd'].map(batch))
        expect(await wholeSnapshot(3)).toEqual(snapshotBytes(3))
      }
      await storage.persist(learning(4, 'e', 'g'))
      expect(await storage.chosen(2, 10_000)).toEqual(['c', 'd', 'e', 'g'].map(batch))
      expect(await reopened()).toMatchObject({ ...durable, accepted: [], firstUnchosen: 6 })
      expect(await storage.chosen(2, 10_000)).toEqual(['c', 'd', 'e', 'g'].map(batch))
    })

    it('installs a snapshot above what it knows, and holds no batch and no vote below it', async () => {
      await founded()
      await storage.persist(learning(0, 'a'))
      await storage.persist(accepting(2, record(1, 2, 'b'), record(9, 2, 'j'), record(10, 2, 'k')))
      await compact(10, 10)
      expect(await storage.chosen(0, 1_000)).toBeNull()
      expect(await storage.chosen(10, 1_000)).toEqual([])
      const late = storage.persist(learning(10, 'k', 'l'))
      expect(await storage.chosen(10, 10_000)).toEqual(['k', 'l'].map(batch))
      await late
      expect(await reopened()).toMatchObject({
        promised: ballot(2),
        accepted: [],
        firstUnchosen: 12,
        snapshot: snapshotName(10),
        floor: 10,
      })
      expect(await storage.chosen(9, 1_000)).toBeNull()
      expect(await storage.chosen(10, 10_000)).toEqual(['k', 'l'].map(batch))
      expect(await wholeSnapshot(10)).toEqual(snapshotBytes(10))
    })

    it('keeps the order of writes around a snapshot', async () => {
      await founded()
      await sealed(storage, 2)
      const writes = [
        storage.persist(accepting(1, record(0, 1, 'a'))),
        storage.persist(learning(0, 'a', 'b')),
        storage.persist(compacting(2, 1)),
        storage.persist(learning(2, 'c')),
        storage.persist(accepting(2, record(3, 2, 'd'))),
      ]
      expect(await storage.chosen(0, 1_000)).toBeNull()
      expect(await storage.chosen(1, 10_000)).toEqual(['b', 'c'].map(batch))
      await Promise.all(writes)
      expect(await storage.chosen(1, 10_000)).toEqual(['b', 'c'].map(batch))
      expect(await reopened()).toMatchObject({ promised: ballot(2), accepted: [record(3, 2, 'd')], floor: 1 })
      expect(await storage.chosen(1, 10_000)).toEqual(['b', 'c'].map(batch))
    })

    it('refuses a snapshot that is not newer, has a wrong floor or was not sealed, and goes on', async () => {
      await founded()
      await storage.persist(learning(0, 'a', 'b', 'c'))
      await compact(2, 1)
      await sealed(storage, 1)
      await expect(storage.persist(compacting(1, 1))).rejects.toThrow('is not newer than the one held')
      await sealed(storage, 3)
      await expect(storage.persist(compacting(3, 4))).rejects.toThrow('the floor of the snapshot')
      await sealed(storage, 9)
      await expect(storage.persist(compacting(9, 3))).rejects.toThrow('it must be from 9 to 9')
      await expect(storage.persist(compacting(8, 8))).rejects.toThrow('no sealed snapshot file has 100 bytes')
      const draft = await received(8)
      await draft.append(snapshotBytes(8))
      await expect(storage.persist(compacting(8, 8))).rejects.toThrow('no sealed snapshot file')
      expect(storage.failed).toBeNull()
      await draft.seal()
      await storage.persist(compacting(8, 8))
      expect(await reopened()).toMatchObject({ firstUnchosen: 8, snapshot: snapshotName(8), floor: 8 })
    })

    it('never lowers the floor', async () => {
      await founded()
      await storage.persist(learning(0, 'a', 'b', 'c'))
      await compact(2, 2)
      await compact(3, 1)
      expect(await storage.chosen(1, 1_000)).toBeNull()
      expect(await reopened()).toMatchObject({ floor: 2, snapshot: snapshotName(3) })
    })

    it('holds the snapshot before the last one until the next start, and no older one', async () => {
      await founded()
      await storage.persist(learning(0, 'a', 'b', 'c'))
      for (const instance of [1, 2, 3]) await compact(instance, 0)
      expect(await wholeSnapshot(1)).toBeNull()
      expect(await wholeSnapshot(2)).toEqual(snapshotBytes(2))
      expect(await part(snapshotName(3), 10, 20)).toEqual(snapshotBytes(3).subarray(10, 30))
      expect(await part(snapshotName(3), 90, 20)).toEqual(snapshotBytes(3).subarray(90))
      expect(await part(snapshotName(3), 100, 20)).toEqual(new Uint8Array(0))
      expect(await part({ ...snapshotName(3), digest: 'other' }, 0, 20)).toBeNull()
      await reopened()
      expect(await wholeSnapshot(2)).toBeNull()
      expect(await wholeSnapshot(3)).toEqual(snapshotBytes(3))
    })

    it('has one draft of each kind, which is forgotten when another begins or the storage is closed', async () => {
      await founded()
      await storage.persist(learning(0, 'a', 'b', 'c'))
      const first = storage.draft()
      await first.append(snapshotBytes(1))
      expect(first.lengthBytes).toBe(100)
      const other = await sealed(storage, 2, await received(2))
      await storage.draft().append(snapshotBytes(3))
      await expect(first.append(snapshotBytes(1))).rejects.toThrow('was discarded')
      await expect(first.seal()).rejects.toThrow('was discarded')
      await expect(other.append(snapshotBytes(2))).rejects.toThrow('is sealed')
      await storage.persist(compacting(2, 0))
      await other.discard()
      expect(await wholeSnapshot(2)).toEqual(snapshotBytes(2))
      const last = await sealed(storage, 3)
      await last.discard()
      await expect(storage.persist(compacting(3, 0))).rejects.toThrow('no sealed snapshot file')
      await sealed(storage, 3)
      expect(await reopened()).toMatchObject({ snapshot: snapshotName(2) })
      await expect(storage.persist(compacting(3, 0))).rejects.toThrow('no sealed snapshot file')
      await storage.close()
      await expect(storage.draft().append(snapshotBytes(3))).rejects.toThrow(StorageError)
    })

    describe('a snapshot that another server sends', () => {
      const bytes = snapshotBytes(8)

      /** Receives the bytes up to `endBytes`, in parts of ten. */
      async function receiving(endBytes: number, instance = 8): Promise<SnapshotDraft> {
        const draft = await received(instance)
        for (let atBytes = draft.lengthBytes; atBytes < endBytes; atBytes += 10)
          await draft.append(snapshotBytes(instance).subarray(atBytes, atBytes + 10))
        return draft
      }

      /** What another process finds of it. */
      async function resumed(instance = 8): Promise<readonly [SnapshotDraft, Uint8Array]> {
        await reopened()
        const parts: Uint8Array[] = []
        const draft = await received(instance, (part) => parts.push(Uint8Array.from(part)))
        return [draft, joined(parts)]
      }

      it('goes on after a start where it was last kept', async () => {
        await founded()
        expect((await receiving(50)).lengthBytes).toBe(50)
        const [draft, kept] = await resumed()
        expect(draft.lengthBytes).toBe(30)
        expect(kept).toEqual(bytes.subarray(0, 30))
        await draft.append(bytes.subarray(30))
        const [whole] = await resumed()
        expect(whole.lengthBytes).toBe(100)
        expect(await whole.seal()).toEqual({ lengthBytes: 100, digest: snapshotName(8).digest })
        await storage.persist(compacting(8, 8))
        expect(await reopened()).toMatchObject({ firstUnchosen: 8, snapshot: snapshotName(8) })
        expect(await wholeSnapshot(8)).toEqual(bytes)
      })

      it('is whole after a start when it was sealed, and no write has named it', async () => {
        await founded()
        await (await receiving(100)).seal()
        const [draft, kept] = await resumed()
        expect(draft.lengthBytes).toBe(100)
        expect(kept).toEqual(bytes)
        await draft.seal()
        await storage.persist(compacting(8, 8))
        expect(await wholeSnapshot(8)).toEqual(bytes)
      })

      it('begins anew when nothing was kept of it, when it was discarded, and when it is held', async () => {
        await founded()
        await receiving(20)
        const [none, nothing] = await resumed()
        expect([none.lengthBytes, nothing.length]).toEqual([0, 0])
        await (await receiving(100)).discard()
        const [draft] = await resumed()
        expect(draft.lengthBytes).toBe(0)
        await receiving(100).then((whole) => whole.seal())
        await storage.persist(compacting(8, 8))
        const [again] = await resumed()
        expect(again.lengthBytes).toBe(0)
      })

      it('is given up for another one', async () => {
        await founded()
        await receiving(100)
        const other = { ...snapshotName(8), digest: snapshotName(9).digest }
        await reopened()
        expect((await storage.receive(other, () => undefined)).lengthBytes).toBe(0)
        const [draft] = await resumed()
        expect(draft.lengthBytes).toBe(0)
        await receiving(100)
        await receiving(60, 9)
        const [first] = await resumed()
        expect(first.lengthBytes).toBe(0)
      })

      it('is of no use when the batches below it are known', async () => {
        await founded()
        await receiving(100)
        await storage.persist(learning(0, ...'abcdefgh'))
        const [draft] = await resumed()
        expect(draft.lengthBytes).toBe(0)
      })

      it('goes on beside snapshots that this server takes', async () => {
        await founded()
        await storage.persist(learning(0, 'a', 'b', 'c'))
        await receiving(60)
        await compact(2, 1)
        await compact(3, 2)
        const [draft, kept] = await resumed()
        expect(draft.lengthBytes).toBe(60)
        expect(kept).toEqual(bytes.subarray(0, 60))
        expect(await wholeSnapshot(3)).toEqual(snapshotBytes(3))
      })
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
        {
          weight: 1,
          arbitrary: fc.record({
            do: fc.constant('compact' as const),
            ahead: fc.integer({ min: -3, max: 3 }),
            tail: fc.nat({ max: 3 }),
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
          let chosen: readonly Batch[] = []
          let writes: Promise<void>[] = []
          for (const [round, each] of [...steps, { do: 'reopen' as const }].entries()) {
            if (each.do === 'accept' || each.do === 'learn') {
              const instance = model.firstUnchosen
              const write =
                each.do === 'learn'
                  ? learning(instance, ...each.names)
                  : accepting(round, record(Math.max(0, instance + each.offset), round, each.name))
              model = afterWrite(model, write, (_, batch) => {
                chosen = [...chosen, batch]
              })
              writes.push(tried.persist(write))
              continue
            }
            if (each.do === 'compact') {
              const instance = model.firstUnchosen + each.ahead
              if (instance <= (model.snapshot?.instance ?? 0)) continue
              const floor = each.ahead > 0 ? instance : Math.max(0, instance - each.tail)
              const before = model
              const write = compacting(instance, floor)
              model = afterWrite(before, write, () => undefined)
              chosen = withoutCompacted(chosen, before, model)
              await sealed(tried, instance)
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
            expect(await tried.chosen(model.floor, 1_000_000)).toEqual(chosen)
            if (model.snapshot === null) continue
            const { instance } = model.snapshot
            const read = await tried.readSnapshot(model.snapshot, 0, 1_000)
            expect(read === null ? null : Uint8Array.from(read)).toEqual(snapshotBytes(instance))
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
