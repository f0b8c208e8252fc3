/** Every operation on files fails once, or never ends, in each position of an opening, an initialisation and of writes. */
import { describe, expect, it } from 'vitest'
import { StorageError } from '../../src/storage/storage.ts'
import { type Contents, failure, MemoryFiles } from '../support/memory-files.ts'
import { type Decision, type FileCall, ObservedFiles } from '../support/observed-files.ts'
import { identity } from './fixtures.ts'
import { type Life, live, writesIn } from './life.ts'
import { checkSnapshot } from './sealed.ts'
import { ended } from './settled.ts'
import { storeOver } from './written-store.ts'

const perLife = 9

/** The stores with which the faulty process begins: none, one that was killed while `head` lagged behind, and one that was closed. */
const beginnings: Readonly<Record<string, () => Contents>> = {
  'an empty directory': () => new Map(),
  'a store that was killed': () => after(new Map(), false),
  'a store that was killed twice': () => after(after(new Map(), false), false, 0),
  'a store that was closed': () => after(new Map(), true),
}

function after(contents: Contents, isClosed: boolean, count = perLife): Contents {
  const files = new MemoryFiles(contents)
  live(new ObservedFiles(files), count, isClosed)
  return files.contents
}

interface Fault {
  readonly call: FileCall
  readonly files: MemoryFiles
  readonly life: Life
  /** The operations after it. */
  readonly later: readonly FileCall[]
}

/** Runs one process for each of its operations, in which that operation has the fault. */
function* eachFault(
  contents: Contents,
  decide: (call: FileCall) => Decision | null,
  isAt: (call: FileCall) => boolean = () => true,
): Generator<Fault> {
  const sound = new ObservedFiles(new MemoryFiles(contents))
  live(sound, perLife)
  for (const [number, call] of sound.calls.entries()) {
    const decision = decide(call)
    if (decision === null || !isAt(call)) continue
    const files = new MemoryFiles(contents)
    const observed = new ObservedFiles(files, (_, place) => (place === number ? decision : 'proceed'))
    const life = live(observed, perLife)
    expect(observed.calls[number], 'the operation with the fault').toEqual(call)
    yield { call, files, life, later: observed.calls.slice(number + 1) }
  }
}

/** Opens the store and makes sure that it holds what the process knew to be stored, and that a loss of power takes nothing of it. */
function expectKept(contents: Contents, life: Life, least: number): void {
  const files = new MemoryFiles(contents)
  const store = storeOver(files)
  const opened = ended(store.open())
  checkSnapshot(store, opened)
  if (life.isInitialised) expect(opened.identity).toEqual(identity)
  const kept = writesIn(opened)
  expect(kept).toBeGreaterThanOrEqual(least)
  expect(kept).toBeLessThanOrEqual(Math.max(least, life.requested))
  const next = storeOver(new MemoryFiles(files.syncedContents))
  const again = ended(next.open())
  checkSnapshot(next, again)
  expect(writesIn(again)).toBe(kept)
}

/** What may be left of the files after a loss of power: of each file either all that was written, or what was synced. */
function* leftovers(files: MemoryFiles): Generator<Contents> {
  const { contents, syncedContents } = files
  yield contents
  yield syncedContents
  if (!contents.has('log/head') || !syncedContents.has('log/head')) return
  const paths = [...new Set([...contents.keys(), ...syncedContents.keys()])]
  const unsure = paths.filter((path) => contents.get(path) !== syncedContents.get(path))
  for (let choice = 1; choice < 2 ** unsure.length - 1; choice += 1) {
    const left = new Map(contents)
    for (const [bit, path] of unsure.entries()) {
      if ((choice >> bit) % 2 === 0) continue
      const synced = syncedContents.get(path)
      if (synced === undefined) left.delete(path)
      else left.set(path, synced)
    }
    yield left
  }
}

/** The writes in the store before the faulty process: it must not lose them, even if it does not open. */
function writesBefore(contents: Contents): number {
  return contents.size === 0 ? 0 : writesIn(ended(storeOver(new MemoryFiles(contents)).open()))
}

function isSame(a: Contents, b: Contents): boolean {
  return a.size === b.size && [...a].every(([path, bytes]) => b.get(path) === bytes)
}

const isReading = ({ operation }: FileCall) => operation === 'read' || operation === 'list'

describe.each(Object.entries(beginnings))('with %s', (_, begin) => {
  const contents = begin()
  const before = writesBefore(contents)

  it('refuses to open when one read fails, and changes nothing', () => {
    let faults = 0
    for (const { call, files, life } of eachFault(
      contents,
      ({ path }) => ({
        error: failure('EIO', path),
        done: false,
      }),
      isReading,
    )) {
      faults += 1
      expect(life.opened).toBeNull()
      expect(life.error).toBeInstanceOf(StorageError)
      expect(life.error!.message).toContain(
        `it is damaged: ${call.path}, at byte ${call.offset}: it cannot be read: EIO`,
      )
      expect(isSame(files.contents, contents)).toBe(true)
    }
    expect(faults).toBeGreaterThanOrEqual(contents.size === 0 ? 1 : 4)
  })

  it.each([
    'EIO',
    'ENOSPC',
  ])('fails for good at one %s, reports it once, and keeps what it reported as stored', (code) => {
    for (const done of [false, true]) {
      const faults = eachFault(
        contents,
        ({ path }) => ({ error: failure(code, path), done }),
        (call) => !isReading(call),
      )
      for (const { call, files, life, later } of faults) {
        const what = JSON.stringify(call)
        const errors = [...life.refusals, ...life.reports, ...(life.error === null ? [] : [life.error])]
        for (const error of errors) {
          expect(error, what).toBeInstanceOf(StorageError)
          expect(error.message, what).toContain(code)
          if (code === 'ENOSPC') expect(error.message, what).toContain('the disk is full')
        }
        expect(life.reports.length, what).toBe(1)
        expect(
          later.filter(({ operation }) => operation !== 'close'),
          what,
        ).toEqual([])
        for (const left of leftovers(files)) expectKept(left, life, Math.max(before, life.acknowledged))
      }
    }
  })

  it.each([
    'hang',
    'hangTorn',
    'hangDone',
  ] as const)('keeps what it reported as stored when it is killed at any operation (%s)', (decision) => {
    for (const { files, life } of eachFault(contents, () => decision)) {
      expect(life.reports).toEqual([])
      for (const left of leftovers(files)) expectKept(left, life, Math.max(before, life.acknowledged))
    }
  })
})

it('opens after a process was killed, and the power failed during the next opening', () => {
  const contents = beginnings['a store that was killed']!()
  const before = writesBefore(contents)
  for (const { files, life } of eachFault(contents, ({ operation }) =>
    operation === 'sync' ? 'hang' : null,
  )) {
    const least = Math.max(before, life.acknowledged)
    const sound = new ObservedFiles(files.copy())
    live(sound, 0, false)
    for (const number of sound.calls.keys()) {
      const own = files.copy()
      live(new ObservedFiles(own, (_, place) => (place === number ? 'hang' : 'proceed')), 0, false)
      for (const left of leftovers(own)) expectKept(left, life, least)
    }
  }
})
