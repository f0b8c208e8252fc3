/** Pages of chosen batches, from records that may be damaged while the store is open. */
import { beforeEach, describe, expect, it } from 'vitest'
import { StorageError } from '../../src/storage/storage.ts'
import { accepting, batch, learning, record } from './fixtures.ts'
import { isRead, OpenedStore } from './opened-store.ts'
import { ended } from './settled.ts'
import { storeOver } from './written-store.ts'

let on: OpenedStore

beforeEach(() => {
  on = new OpenedStore()
})

describe('a page of chosen batches', () => {
  /** Changes the bytes of the log while it is open. */
  function change(path: string, edit: (bytes: Uint8Array) => Uint8Array): void {
    const bytes = edit(on.files.contents.get(path)!.slice())
    ended(
      (function* () {
        yield on.files.remove(path)
        yield on.files.create(path)
        yield on.files.write(path, 0, bytes)
      })(),
    )
  }

  it('holds no batch whose record was damaged while the store is open', () => {
    on.request(learning(0, 'a', 'damaged', 'c'))
    on.request(accepting(1))
    change('log/00000001.log', (bytes) => {
      bytes[Buffer.from(bytes).indexOf('damaged')]! ^= 1
      return bytes
    })
    expect(() => ended(on.store.chosen(0, 10_000))).toThrow(
      /^storage d: it is damaged: log\/00000001.log, at byte \d+: the checksum of a record is wrong/,
    )
    expect(() => ended(on.store.chosen(1, 10_000))).toThrow(StorageError)
    expect(ended(on.store.chosen(0, 1))).toEqual([batch('a')])
    expect(ended(on.store.chosen(2, 10_000))).toEqual([batch('c')])
    expect(on.store.failed).toBeNull()
  })

  it('is refused when the segment was cut or replaced while the store is open', () => {
    on.request(learning(0, 'a', 'b'))
    on.request(accepting(1))
    const sound = on.files.contents.get('log/00000001.log')!
    change('log/00000001.log', (bytes) => bytes.subarray(0, 8_300))
    expect(() => ended(on.store.chosen(0, 10_000))).toThrow('a record is cut')
    change('log/00000001.log', () => {
      // The record of instance 1 at the place of that of instance 0.
      const bytes = sound.slice()
      const first = 8_192 + 28
      const length = 12 + Buffer.from(sound).readUInt32LE(first + 8)
      bytes.copyWithin(first, first + length, first + 2 * length)
      return bytes
    })
    expect(() => ended(on.store.chosen(0, 1))).toThrow('the record is not that of instance 0')
  })

  it('reads neighbouring records together, up to a megabyte, and others alone', () => {
    const names = Array.from({ length: 30 }, (_, instance) =>
      `${instance}`.padEnd(instance < 20 ? 100 : 150_000, '.'),
    )
    for (const [instance, name] of names.entries()) {
      on.request(learning(instance, name))
      on.request(accepting(instance + 1))
    }
    on.observed.calls.length = 0
    expect(ended(on.store.chosen(0, 5_000))).toEqual(names.slice(0, 17).map(batch))
    expect(on.count(isRead)).toBe(1)
    on.observed.calls.length = 0
    expect(ended(on.store.chosen(0, 10_000_000))).toEqual(names.map(batch))
    const reads = on.observed.calls.filter(isRead)
    expect(Math.max(...reads.map(({ lengthBytes }) => lengthBytes))).toBeLessThanOrEqual(1_048_576)
    expect(reads.length).toBeLessThan(5)
  })

  it('reads a batch of more than a megabyte, and records in any order of places', () => {
    on.request(accepting(1, record(1, 1, 'b'), record(0, 1, 'a'), record(2, 1, 'x'.repeat(2_000_000))))
    on.request(learning(0, 'a', 'b', 'x'.repeat(2_000_000), 'd'))
    on.request(accepting(2))
    const all = ['a', 'b', 'x'.repeat(2_000_000), 'd'].map(batch)
    expect(ended(on.store.chosen(0, 10_000_000))).toEqual(all)
    ended(on.store.close())
    const again = storeOver(on.files)
    ended(again.open())
    expect(ended(again.chosen(0, 10_000_000))).toEqual(all)
  })
})
