import { expect, test } from 'vitest'
import type { Operation } from '../../../src/core/process.ts'
import type { ReadableFiles } from '../../../src/storage/files.ts'
import { blockBytes } from '../../../src/storage/log/layout.ts'
import { readLog } from '../../../src/storage/log/read-log.ts'
import { readRunningLog } from '../../../src/storage/log/read-running-log.ts'
import { type Contents, MemoryFiles } from '../../support/memory-files.ts'
import { accepting, identity, record } from '../fixtures.ts'
import { ended } from '../settled.ts'
import { storeOver } from '../written-store.ts'

const noPause: Operation<void> = (done) => done(null)
const segment = 'log/00000001.log'

/** The files of a store with an identity in group 1 and accepted batches in groups 2 and 3. Only group 1 is vouched for. */
function written(): Contents {
  const files = new MemoryFiles()
  const store = storeOver(files)
  ended(store.open())
  ended(store.initialise(identity))
  for (const instance of [0, 1]) {
    store.persist(accepting(1, record(instance, 1, `n${instance}`)), (error) => {
      if (error !== null) throw error
    })
  }
  return files.contents
}

/** `contents` as one who reads the place of group 2 before it was written sees them, and all later groups. */
function withoutGroup2(contents: Contents): Contents {
  const bytes = contents.get(segment)!.slice()
  bytes.fill(0, 2 * blockBytes, 3 * blockBytes)
  return new Map([...contents, [segment, bytes]])
}

/** Files that have other contents at each reading of the log; the last contents stay. */
function changing(...contents: readonly Contents[]): ReadableFiles {
  const rest = contents.map((each) => new MemoryFiles(each))
  let files = rest[0]!
  return {
    list: (path) => {
      files = rest.length > 1 ? rest.shift()! : rest[0]!
      return files.list(path)
    },
    read: (path, offset, lengthBytes) => files.read(path, offset, lengthBytes),
  }
}

test('a group that was written during a reading is no damage', () => {
  const contents = written()
  const torn = withoutGroup2(contents)
  expect(() => ended(readLog(new MemoryFiles(torn)))).toThrow(/at byte 8192: .*group 3 after it is complete/)
  const read = ended(readRunningLog(changing(torn, contents), noPause))
  // The promise, which both groups share, and two accepted batches.
  expect(read?.tail).toHaveLength(3)
  expect(read?.torn).toBeNull()
})

test('a segment that an opening removed during a reading is no damage', () => {
  const contents = written()
  const removed = new Map([...contents].filter(([path]) => path !== segment))
  expect(() => ended(readLog(new MemoryFiles(removed)))).toThrow(
    /00000001\.log, at byte 0: the file is missing/,
  )
  expect(ended(readRunningLog(changing(removed, contents), noPause))?.torn).toBeNull()
})

test('damage that two readings find at one place is damage', () => {
  const contents = withoutGroup2(written())
  expect(() => ended(readRunningLog(changing(contents), noPause))).toThrow(/at byte 8192/)
})

test('a directory without a log has none', () => {
  expect(ended(readRunningLog(new MemoryFiles(), noPause))).toBeNull()
})
