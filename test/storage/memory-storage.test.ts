import { describe, expect, it } from 'vitest'
import { MemoryStorage } from '../../src/storage/memory-storage.ts'
import { StorageError } from '../../src/storage/storage.ts'
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
import { describeStorage, keepEveryBytes } from './suite.ts'

describeStorage('memory', async () => {
  const storage = new MemoryStorage({ keepEveryBytes })
  return { storage: () => storage, dispose: async () => undefined }
})

describe('a crash of storage in memory', () => {
  async function founded(): Promise<MemoryStorage> {
    const storage = new MemoryStorage({ keepEveryBytes })
    await storage.open()
    await storage.initialise(identity)
    return storage
  }

  it('keeps what was synced', async () => {
    const storage = await founded()
    await storage.persist(learning(0, 'a'))
    await storage.persist(accepting(1, record(1, 1, 'b')))
    storage.crash()
    expect(await storage.open()).toEqual({
      identity,
      promised: ballot(1),
      torn: null,
      accepted: [record(1, 1, 'b')],
      firstUnchosen: 1,
      snapshot: null,
      floor: 0,
    })
    expect(await storage.chosen(0, 1_000)).toEqual([batch('a')])
  })

  it('loses what was learned since the last sync, and what was accepted there is there again', async () => {
    const storage = await founded()
    await storage.persist(accepting(1, record(0, 1, 'a')))
    await storage.persist(learning(0, 'a', 'b'))
    storage.crash()
    expect(await storage.open()).toMatchObject({ accepted: [record(0, 1, 'a')], firstUnchosen: 0 })
    expect(await storage.chosen(0, 1_000)).toEqual([])
    await storage.persist(learning(0, 'c'))
    expect(await storage.chosen(0, 1_000)).toEqual([batch('c')])
  })

  it('loses what was being written, and reports it to those who wait for it', async () => {
    const storage = await founded()
    const promise = storage.persist(accepting(7))
    storage.crash()
    await expect(promise).rejects.toThrow(StorageError)
    expect(storage.failed).toBeInstanceOf(StorageError)
    await expect(storage.persist(accepting(8))).rejects.toThrow('crashed')
    expect((await storage.open()).promised).toBeNull()
    expect(storage.failed).toBeNull()
  })

  /** Writes and seals the file of a snapshot. */
  async function seal(storage: MemoryStorage, instance: number, draft = storage.draft()): Promise<void> {
    await draft.append(snapshotBytes(instance))
    await draft.seal()
  }

  const nothing = () => undefined

  it('loses a snapshot that is being written, with what it allowed to delete', async () => {
    const storage = await founded()
    await storage.persist(learning(0, 'a', 'b', 'c'))
    await seal(storage, 1)
    await storage.persist(compacting(1, 0))
    await seal(storage, 3)
    const writing = storage.persist(compacting(3, 3))
    const meanwhile = [storage.readSnapshot(snapshotName(3), 0, 100), storage.chosen(0, 1_000)]
    storage.crash()
    expect(await Promise.all(meanwhile)).toEqual([snapshotBytes(3), null])
    await expect(writing).rejects.toThrow('crashed')
    expect(await storage.open()).toMatchObject({ snapshot: snapshotName(1), firstUnchosen: 3, floor: 0 })
    expect(await storage.chosen(0, 1_000)).toEqual(['a', 'b', 'c'].map(batch))
    expect(await storage.readSnapshot(snapshotName(1), 0, 100)).toEqual(snapshotBytes(1))
    expect(await storage.readSnapshot(snapshotName(3), 0, 100)).toBeNull()
    await expect(storage.persist(compacting(3, 3))).rejects.toThrow('no sealed snapshot file')
    await seal(storage, 3)
    await storage.persist(compacting(3, 3))
    expect(await storage.chosen(0, 1_000)).toBeNull()
  })

  it('keeps a received snapshot whose write was lost: it is whole for the next start', async () => {
    const storage = await founded()
    await storage.persist(learning(0, 'a'))
    await seal(storage, 8, await storage.receive(snapshotName(8), nothing))
    const writing = storage.persist(compacting(8, 8))
    storage.crash()
    await expect(writing).rejects.toThrow('crashed')
    expect(await storage.open()).toMatchObject({ snapshot: null, firstUnchosen: 0 })
    expect((await storage.receive(snapshotName(8), nothing)).lengthBytes).toBe(100)
  })

  it('loses the last bytes of a snapshot that is received', async () => {
    const storage = await founded()
    const draft = await storage.receive(snapshotName(8), nothing)
    await draft.append(snapshotBytes(8).subarray(0, 40))
    await draft.append(snapshotBytes(8).subarray(40, 60))
    storage.crash()
    await storage.open()
    expect((await storage.receive(snapshotName(8), nothing)).lengthBytes).toBe(40)
  })

  it('loses nothing that was there when it was closed', async () => {
    const storage = await founded()
    await storage.persist(learning(0, 'a'))
    await storage.close()
    await storage.open()
    storage.crash()
    expect((await storage.open()).firstUnchosen).toBe(1)
  })
})
