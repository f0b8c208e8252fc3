import { beforeEach, describe, expect, it } from 'vitest'
import { decodeHead } from '../../../src/storage/log/head.ts'
import { wholeLog } from '../../../src/storage/log/layout.ts'
import { LogWriter } from '../../../src/storage/log/log-writer.ts'
import { readLog } from '../../../src/storage/log/read-log.ts'
import type { StoredRecord } from '../../../src/storage/log/records.ts'
import { MemoryFiles } from '../../support/memory-files.ts'
import { ObservedFiles } from '../../support/observed-files.ts'
import { batch, identity } from '../fixtures.ts'
import { ended } from '../settled.ts'
import { tinySizes } from '../written-store.ts'

const owner = { cluster: 'c1', incarnation: 'i1' }
const kib = 1_024

describe('the writer of a log', () => {
  let files: MemoryFiles
  let observed: ObservedFiles
  let writer: LogWriter
  let instance = 0

  beforeEach(() => {
    files = new MemoryFiles()
    observed = new ObservedFiles(files)
    writer = new LogWriter({ files: observed, sizes: tinySizes, owner, salt: () => 7 }, 0)
    instance = 0
  })

  /** What was done to the files since the last call, in order. */
  function calls(): readonly string[] {
    return observed.calls.splice(0).map(({ operation, path, offset, lengthBytes }) => {
      const stretch = operation === 'write' ? ` ${offset / kib}+${lengthBytes / kib}K` : ''
      return `${operation} ${path}${stretch}`
    })
  }

  function chosen(lengthBytes: number): StoredRecord {
    instance += 1
    return { type: 'chosen', instance: instance - 1, batch: batch('x'.repeat(lengthBytes)) }
  }

  const create = () => ended(writer.create([{ type: 'identity', identity }]))
  const append = (...records: StoredRecord[]) => ended(writer.append(records))
  const created = () => {
    create()
    calls()
  }

  it('creates a log under another name, and gives it its name when all of it is synced', () => {
    create()
    expect(calls()).toEqual([
      'remove log.new',
      'makeDirectory log.new',
      'create log.new/00000001.log',
      'write log.new/00000001.log 0+8K',
      'sync log.new/00000001.log',
      'syncDirectory log.new',
      'create log.new/head',
      'write log.new/head 0+8K',
      'write log.new/head 4+4K',
      'sync log.new/head',
      'syncDirectory log.new',
      'rename log.new',
      'syncDirectory .',
    ])
    expect(writer.end).toMatchObject({ segment: 1, group: 1, endBytes: 8 * kib })
  })

  it('writes a group, and zeros when the file would end there, and syncs both', () => {
    created()
    expect(append(chosen(10))).toMatchObject({ segment: 1, offset: 8 * kib })
    expect(calls()).toEqual([
      'write log/00000001.log 8+4K',
      'write log/00000001.log 12+4K',
      'sync log/00000001.log',
    ])
    expect(writer.end).toMatchObject({ segment: 1, group: 2, endBytes: 12 * kib })
  })

  it('writes zeros ahead in steps, and not with each group', () => {
    writer = new LogWriter(
      { files: observed, sizes: { segmentBytes: 256 * kib, aheadBytes: 32 * kib }, owner, salt: () => 7 },
      0,
    )
    created()
    const ahead = Array.from({ length: 15 }, () => {
      append(chosen(10))
      return calls().filter((call) => call.startsWith('write')).length > 1
    })
    expect(ahead.flatMap((wasAhead, place) => (wasAhead ? [place] : []))).toEqual([0, 5, 13])
    for (const [path, bytes] of files.contents) {
      if (path !== 'log/head') expect(bytes.length % (32 * kib)).toBe(0)
    }
  })

  it('begins a segment for a group that the present one cannot hold, and closes the full one', () => {
    created()
    append(chosen(10))
    append(chosen(10))
    calls()
    append(chosen(10))
    expect(calls()).toEqual([
      'create log/00000002.log',
      'write log/00000002.log 0+8K',
      'write log/00000002.log 8+4K',
      'sync log/00000002.log',
      'syncDirectory log',
      'close log/00000001.log',
    ])
    expect(writer.end).toMatchObject({ segment: 2, group: 4, endBytes: 8 * kib })
  })

  it('writes a group that is larger than a segment into one of its own', () => {
    created()
    append(chosen(50 * kib))
    expect(calls().filter((call) => call.startsWith('write'))).toEqual([
      'write log/00000002.log 0+56K',
      'write log/00000002.log 56+4K',
    ])
    append(chosen(10))
    expect(writer.end).toMatchObject({ segment: 3, group: 3 })
    ended(writer.writeHead())
    const contents = ended(readLog(files))
    expect(contents?.index.chosen.count).toBe(2)
    expect(contents?.segments.map(({ begun, groups }) => [begun, groups])).toEqual([
      ['opened', 1],
      ['full', 1],
      ['full', 1],
    ])
  })

  it('names its end in the blocks of head in turn', () => {
    created()
    for (const [group, block] of [
      [2, 0],
      [3, 4],
      [4, 0],
    ] as const) {
      append(chosen(10))
      calls()
      ended(writer.writeHead())
      expect(calls()).toEqual([`write log/head ${block}+4K`, 'sync log/head'])
      const decoded = decodeHead(files.contents.get('log/head')!)
      expect(decoded).toEqual({ head: { turn: group, synced: writer.end } })
    }
  })

  it('continues a log in a new segment, which both blocks of head name', () => {
    created()
    append(chosen(10))
    const after = writer.end
    const next = new LogWriter({ files: observed, sizes: tinySizes, owner, salt: () => 8 }, 1)
    calls()
    ended(next.continueIn(5, after, wholeLog, []))
    expect(calls()).toEqual([
      'write log/head 4+4K',
      'sync log/head',
      'create log/00000005.log',
      'write log/00000005.log 0+8K',
      'sync log/00000005.log',
      'syncDirectory log',
      'write log/head 0+4K',
      'sync log/head',
      'write log/head 4+4K',
      'sync log/head',
    ])
    expect(next.end).toMatchObject({ segment: 5, group: 3, endBytes: 8 * kib })
    ended(next.close())
    expect(calls()).toEqual(['close log/head', 'close log/00000005.log'])
  })
})
