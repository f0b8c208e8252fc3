/** What a store in files keeps of a snapshot that another server sends: through a crash at each step, and when it is damaged. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { joined } from '../../src/core/bytes.ts'
import { run } from '../../src/core/process.ts'
import { SimulatedFiles, type Unsynced } from '../../src/simulator/files.ts'
import { Random } from '../../src/simulator/random.ts'
import type { FileDraft } from '../../src/storage/file-draft.ts'
import { LogStore } from '../../src/storage/log-store.ts'
import { compacting, identity, learning, snapshotBytes, snapshotName } from './fixtures.ts'
import { receivedSteps, runReceived } from './received-model.ts'

const partBytes = 700
const keepEveryBytes = 1_400
const lengthBytes = 5_000
const bytes = snapshotBytes(8, lengthBytes)
const name = snapshotName(8, bytes)
const write = { by: 'snapshot', snapshot: name, floor: 8 } as const

/** A process that uses the store in `files`, until its call number `mostCalls` of the file system. */
class Life {
  readonly store: LogStore
  calls = 0

  constructor(files: SimulatedFiles, mostCalls = Number.POSITIVE_INFINITY) {
    this.store = new LogStore({
      files: files.session((_, act, ended) => {
        this.calls += 1
        if (this.calls > mostCalls) return
        act()
        ended()
      }),
      directory: 'disk',
      after: () => () => undefined,
      salt: () => 1,
      keepEveryBytes,
    })
  }

  /** Opens the store, and goes on with the snapshot. `null` when the process ended before. */
  receive(): { readonly draft: FileDraft; readonly kept: Uint8Array } | null {
    const { store } = this
    const parts: Uint8Array[] = []
    let received: FileDraft | null = null
    const begin = function* () {
      const { identity: stored } = yield* store.open()
      if (stored === null) yield* store.initialise(identity)
      return yield* store.receive(name, (part) => parts.push(Uint8Array.from(part)))
    }
    run(begin(), (error, draft) => {
      if (error !== null) throw error
      received = draft!
    })
    return received === null ? null : { draft: received, kept: joined(parts) }
  }
}

/** Receives the rest, checks it and has it named. Returns how far it came, in bytes that are certain to be kept, or 'held'. */
function work(life: Life, draft: FileDraft): number | 'held' {
  let certain = draft.lengthBytes
  let sinceKept = 0
  for (let atBytes = draft.lengthBytes; atBytes < lengthBytes; atBytes += partBytes) {
    const part = bytes.subarray(atBytes, atBytes + partBytes)
    let isDone = false
    draft.append(part, (error) => {
      if (error !== null) throw error
      isDone = true
    })
    if (!isDone) return certain
    sinceKept += part.length
    if (sinceKept < keepEveryBytes) continue
    certain = atBytes + part.length
    sinceKept = 0
  }
  let progress: number | 'held' = certain
  draft.seal((error, sealed) => {
    if (error !== null) throw error
    expect(sealed).toEqual({ lengthBytes, digest: name.digest })
    progress = lengthBytes
    life.store.persist(write, (failed) => {
      if (failed !== null) throw failed
      progress = 'held'
    })
  })
  return progress
}

/** What is on the disk after the store was opened once more. */
function reopened(files: SimulatedFiles) {
  const life = new Life(files)
  let snapshot: unknown
  run(life.store.open(), (error, opened) => {
    if (error !== null) throw error
    snapshot = opened!.snapshot
  })
  return { snapshot, life }
}

/** The calls of a whole transfer, and of the opening before it. */
function counted(): { readonly opening: number; readonly all: number } {
  const files = new SimulatedFiles()
  const life = new Life(files)
  const { draft } = life.receive()!
  const opening = life.calls
  expect(work(life, draft)).toBe('held')
  return { opening, all: life.calls }
}

describe.each<Unsynced>(['lost', 'kept', 'torn', 'cached'])('when writes are %s in a crash', (unsynced) => {
  const { opening, all } = counted()

  test('a transfer goes on after a crash at each step with what was kept, and never with other bytes', () => {
    const lengths = new Set<number>()
    for (let calls = opening; calls <= all; calls += 1) {
      const files = new SimulatedFiles()
      const random = new Random(calls)
      const first = new Life(files, calls)
      const reached = work(first, first.receive()!.draft)
      files.crash(unsynced, random)
      const { snapshot, life } = reopened(files)
      files.crash('cached', random)
      if (snapshot !== null) {
        expect(snapshot, `after ${calls} calls`).toEqual(name)
        continue
      }
      expect(reached, `after ${calls} calls`).not.toBe('held')
      expect(life.store.failed).toBeNull()
      const second = new Life(files)
      const { draft, kept } = second.receive()!
      lengths.add(draft.lengthBytes)
      expect(draft.lengthBytes, `after ${calls} calls`).toBeGreaterThanOrEqual(reached as number)
      expect(kept).toEqual(bytes.subarray(0, draft.lengthBytes))
      expect(work(second, draft)).toBe('held')
      files.crash('lost', random)
      expect(reopened(files).snapshot).toEqual(name)
      const paths = files.paths.filter((path) => path.endsWith('.receiving') || path.endsWith('.snapshot'))
      expect(paths, `after ${calls} calls`).toHaveLength(1)
    }
    // Nothing, each part that was kept, and the whole.
    expect([...lengths].sort((a, b) => a - b)).toEqual([0, 1_400, 2_800, 4_200, 5_000])
  })

  test('a transfer that crashes again and again still ends', () => {
    const files = new SimulatedFiles()
    const random = new Random(7)
    for (let lives = 0; ; lives += 1) {
      // The opening of each process has at most twenty calls more than the first one, and the transfer a few.
      const life = new Life(files, opening + 30)
      const received = life.receive()
      if (received !== null && work(life, received.draft) === 'held') break
      expect(lives).toBeLessThan(30)
      files.crash(unsynced, random)
      const snapshots = files.paths.filter((path) => path.endsWith('.snapshot'))
      expect(snapshots.length).toBeLessThanOrEqual(1)
    }
  })
})

/** The files of a process that was killed after it had kept 2,800 bytes, in the file with the number 1. */
function killed(): SimulatedFiles {
  const files = new SimulatedFiles()
  const life = new Life(files)
  const { draft } = life.receive()!
  for (let atBytes = 0; atBytes < 3_500; atBytes += partBytes)
    draft.append(bytes.subarray(atBytes, atBytes + partBytes), () => undefined)
  files.crash('lost', new Random(1))
  return files
}

const filePath = 'log/00000001.snapshot'
const partPath = 'log/00000001.receiving'

function flipped(files: SimulatedFiles, path: string, ...places: readonly number[]): void {
  const changed = files.bytesOf(path)!
  for (const place of places) changed[place]! ^= 1
  files.damage(path, changed)
}

describe('what is kept of a snapshot', () => {
  test('is the last part that was synced', () => {
    const { draft, kept } = new Life(killed()).receive()!
    expect(draft.lengthBytes).toBe(2_800)
    expect(kept).toEqual(bytes.subarray(0, 2_800))
  })

  // The first byte of the text of a block stands at byte 16. The second write of the file is in its first block.
  test.each<[string, (files: SimulatedFiles) => void, number]>([
    ['has another byte', (files) => flipped(files, filePath, 2_799), 0],
    ['ends early', (files) => files.damage(filePath, files.bytesOf(filePath)!.subarray(0, 2_799)), 0],
    ['is missing', (files) => files.damage(filePath, null), 0],
    ['has no name', (files) => files.damage(partPath, null), 0],
    ['has a name that cannot be read', (files) => flipped(files, partPath, 20, 4_116), 0],
    [
      'is longer than the snapshot',
      (files) => files.damage(filePath, new Uint8Array([...files.bytesOf(filePath)!, ...bytes])),
      0,
    ],
    ['has only its earlier name', (files) => flipped(files, partPath, 20), 1_400],
  ])('that %s is never taken for the snapshot, and does not prevent the start', (_, damage, expected) => {
    const files = killed()
    damage(files)
    const life = new Life(files)
    const { draft } = life.receive()!
    expect(draft.lengthBytes).toBe(expected)
    expect(work(life, draft)).toBe('held')
    expect(reopened(files).snapshot).toEqual(name)
    expect(files.paths).not.toContain(partPath)
  })

  test.each(['read', 'remove'] as const)('in which a %s fails: the store goes on, or halts', (operation) => {
    const files = killed()
    const life = new Life(files)
    run(life.store.open(), (error) => {
      if (error !== null) throw error
    })
    files.failLater({ call: operation === 'read' ? 'read' : 'other', code: 'EIO', calls: 0 })
    let outcome: Error | FileDraft | null = null
    const other = operation === 'read' ? name : snapshotName(9)
    run(
      life.store.receive(other, () => undefined),
      (error, draft) => {
        outcome = error ?? draft!
      },
    )
    if (operation === 'remove') expect(life.store.failed).toBe(outcome)
    else expect(outcome).toMatchObject({ lengthBytes: 0 })
  })

  test('is deleted for another snapshot, and when it is of no use any more', () => {
    const files = killed()
    const life = new Life(files)
    run(life.store.open(), () => undefined)
    expect(files.paths).toContain(partPath)
    run(
      life.store.receive({ ...name, instance: 9 }, () => undefined),
      () => undefined,
    )
    expect(files.paths.filter((path) => path.endsWith('.snapshot') || path === partPath)).toEqual([])

    const late = killed()
    const knowing = new Life(late)
    run(knowing.store.open(), () => undefined)
    knowing.store.persist(learning(0, ...'abcdefgh'), () => undefined)
    run(knowing.store.close(), () => undefined)
    expect(late.paths).toContain(partPath)
    reopened(late)
    expect(late.paths.filter((path) => path === filePath || path === partPath)).toEqual([])
  })

  test('is one part at most: the latest that can be read', () => {
    const files = killed()
    files.damage('log/00000007.snapshot', files.bytesOf(filePath))
    files.damage('log/00000007.receiving', files.bytesOf(partPath)!.subarray(0, 3))
    files.damage('log/00000009.receiving', files.bytesOf(partPath))
    reopened(files)
    expect(files.paths.filter((path) => !path.endsWith('.log') && path !== 'log/head')).toEqual([
      filePath,
      partPath,
    ])
  })

  test('has no effect on the snapshots that this server takes', () => {
    const files = killed()
    const { life } = reopened(files)
    life.store.persist(learning(0, 'a', 'b'), () => undefined)
    const draft = life.store.draft()
    draft.append(snapshotBytes(2), () => undefined)
    draft.seal(() => undefined)
    let error: Error | null | undefined
    life.store.persist(compacting(2, 1), (failed) => {
      error = failed
    })
    expect(error).toBeNull()
    files.crash('lost', new Random(1))
    expect(new Life(files).receive()!.draft.lengthBytes).toBe(2_800)
  })
})

test('a store goes on with what it kept of the very snapshot, whatever arrives, restarts and is damaged', () => {
  fc.assert(
    fc.property(receivedSteps, fc.nat(), (steps, seed) => runReceived(steps, seed)),
    { numRuns: 400 },
  )
})
