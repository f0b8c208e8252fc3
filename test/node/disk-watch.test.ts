/** The room on a disk: little room is reported once, and its end once, with a distance between the two. */
import { expect, test, vi } from 'vitest'
import { DiskWatch, type Space } from '../../src/node/disk-watch.ts'

/** A watch with a mark of 100 bytes over a disk that a test fills. */
function watched() {
  const disk: { freeBytes: number; snapshotBytes: number; error: Error | null } = {
    ...{ freeBytes: 1_000, snapshotBytes: 0, error: null },
  }
  const reports: string[] = []
  const watch = new DiskWatch({
    freeBytes: (ended) => (disk.error === null ? ended(null, disk.freeBytes) : ended(disk.error)),
    lowWaterBytes: 100,
    snapshotBytes: () => disk.snapshotBytes,
    changed: ({ isLow, freeBytes }: Space) => reports.push(`${isLow ? 'low' : 'room'} at ${freeBytes}`),
    failed: (reason) => reports.push(reason),
  })
  const at = async (freeBytes: number) => {
    disk.freeBytes = freeBytes
    await watch.measure()
    return watch.space?.isLow
  }
  return { disk, reports, watch, at }
}

test('begins below the mark and ends a quarter above it', async () => {
  const { at, reports } = watched()
  expect(await at(100)).toBe(false)
  expect(await at(99)).toBe(true)
  expect(await at(5)).toBe(true)
  expect(await at(124)).toBe(true)
  expect(await at(125)).toBe(false)
  expect(await at(100)).toBe(false)
  expect(reports).toEqual(['low at 99', 'room at 125'])
})

test('leaves room for another snapshot', async () => {
  const { at, disk, watch } = watched()
  disk.snapshotBytes = 50
  expect(await at(150)).toBe(false)
  expect(await at(149)).toBe(true)
  expect(watch.space).toEqual({ freeBytes: 149, lowWaterBytes: 150, isLow: true })
})

test('that cannot be measured is as it was, and is reported once', async () => {
  const { at, disk, watch, reports } = watched()
  await at(10)
  disk.error = new Error('no such file system')
  await watch.measure()
  await watch.measure()
  expect(watch.space?.isLow).toBe(true)
  disk.error = null
  expect(await at(500)).toBe(false)
  expect(reports).toEqual(['low at 10', 'no such file system', 'room at 500'])
})

test('is measured at once and then each second, until the end', async () => {
  vi.useFakeTimers()
  try {
    const { watch, disk, reports } = watched()
    disk.freeBytes = 1
    watch.start()
    await vi.advanceTimersByTimeAsync(0)
    expect(reports).toEqual(['low at 1'])
    disk.freeBytes = 1_000
    await vi.advanceTimersByTimeAsync(1_000)
    expect(reports).toEqual(['low at 1', 'room at 1000'])
    watch.stop()
    disk.freeBytes = 1
    await vi.advanceTimersByTimeAsync(5_000)
    expect(reports).toHaveLength(2)
  } finally {
    vi.useRealTimers()
  }
})
