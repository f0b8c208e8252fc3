import { expect, test } from 'vitest'
import {
  changeCount,
  changeLogOf,
  chunkSize,
  lastChanges,
  noChanges,
  withChange,
} from '../../src/services/kv/change-log.ts'

test('the log has at least the last changes, at most a chunk more, in order; a restored one forgets alike', () => {
  const least = 3 * chunkSize
  let log = noChanges
  let restored = noChanges
  const all: string[] = []
  for (let version = 1; version <= 10 * chunkSize; version += 1) {
    all.push(`k${version}`)
    log = withChange(log, `k${version}`, least)
    restored = withChange(changeLogOf(lastChanges(restored, changeCount(restored))), `k${version}`, least)
    expect(restored).toEqual(log)
    const count = changeCount(log)
    expect(count).toBeGreaterThanOrEqual(Math.min(version, least))
    expect(count).toBeLessThan(least + chunkSize)
    for (const last of [0, 1, chunkSize - 1, chunkSize, chunkSize + 1, count]) {
      expect(lastChanges(log, last)).toEqual(last === 0 ? [] : all.slice(-last))
    }
  }
})
