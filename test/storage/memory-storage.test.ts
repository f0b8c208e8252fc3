import { describe, expect, it } from 'vitest'
import { MemoryStorage } from '../../src/storage/memory-storage.ts'
import { StorageError } from '../../src/storage/storage.ts'
import { accepting, ballot, batch, identity, learning, record } from './fixtures.ts'
import { describeStorage } from './suite.ts'

describeStorage('memory', async () => {
  const storage = new MemoryStorage()
  return { storage: () => storage, dispose: async () => undefined }
})

describe('a crash of storage in memory', () => {
  async function founded(): Promise<MemoryStorage> {
    const storage = new MemoryStorage()
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

  it('loses nothing that was there when it was closed', async () => {
    const storage = await founded()
    await storage.persist(learning(0, 'a'))
    await storage.close()
    await storage.open()
    storage.crash()
    expect((await storage.open()).firstUnchosen).toBe(1)
  })
})
