import { cp, link, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { nextBoot } from '../../machines/boot.ts'
import {
  findMarker,
  type Mark,
  makeMarker,
  markBoot,
  markerName,
  whyNotOriginal,
} from '../../src/storage/marker.ts'

let directory: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'paxos-marker-'))
})

afterEach(() => rm(directory, { recursive: true, force: true }))

const first = nextBoot(null, 'a')
const second = nextBoot(first, 'b')

/** The part of a boot that the marker has. */
const shown = ({ count, random }: typeof first) => ({ count, random })

describe('whether a directory is the original one', () => {
  const mark: Mark = { inode: '12', bornNs: '1000000000' }
  const origin = { mark, boot: second }

  test.each([
    ['the same marker', { mark, boot: second }],
    ['one whose last write was interrupted', { mark, boot: null }],
    ['one that an interrupted start left', { mark, boot: first }],
    [
      'one on a file system that no longer has a birth time',
      { mark: { ...mark, bornNs: null }, boot: second },
    ],
  ])('%s may be', (_, found) => {
    expect(whyNotOriginal(origin, found)).toBeNull()
  })

  test('one that was made on a file system without a birth time may be', () => {
    const without = { mark: { ...mark, bornNs: null }, boot: second }
    expect(whyNotOriginal(without, { mark, boot: second })).toBeNull()
  })

  test.each([
    ['none', null, 'its file marker is missing'],
    [
      'another inode',
      { mark: { ...mark, inode: '13' }, boot: second },
      'its file marker has the inode 13, and the server made it with the inode 12',
    ],
    [
      'the same inode, used again',
      { mark: { ...mark, bornNs: '2000000000' }, boot: second },
      'its file marker was made at 1970-01-01T00:00:02.000Z, and the server made it at 1970-01-01T00:00:01.000Z',
    ],
    [
      'a later boot',
      { mark, boot: nextBoot(second, 'c') },
      'its file marker says that the server was started 3 times, and identity.json says 2 times',
    ],
    [
      'another boot with the same count',
      { mark, boot: nextBoot(first, 'c') },
      'its file marker says that the server was started 2 times, and identity.json says 2 times',
    ],
  ])('%s is not', (_, found, reason) => {
    expect(whyNotOriginal(origin, found)).toBe(reason)
  })
})

test('a marker stays the same through boots, a rename and a change of its permissions', async () => {
  const mark = makeMarker(directory, first)
  expect(findMarker(directory)).toEqual({ mark, boot: shown(first) })
  markBoot(directory, second)
  expect(findMarker(directory)).toEqual({ mark, boot: shown(second) })
  const renamed = `${directory}-renamed`
  await rename(directory, renamed)
  expect(findMarker(renamed)).toEqual({ mark, boot: shown(second) })
  await rename(renamed, directory)
  expect((await stat(join(directory, markerName))).mode & 0o777).toBe(0o600)
})

test('a birth time is known where the file system has one', () => {
  const { bornNs } = makeMarker(directory, first)
  // Files of the system for temporary files have one wherever these tests were run.
  expect(Math.abs(Number(bornNs) / 1e6 - Date.now())).toBeLessThan(60_000)
})

test('a copy, and a file that is put in the place of the marker, differ from it', async () => {
  const origin = { mark: makeMarker(directory, first), boot: first }
  const path = join(directory, markerName)
  const text = await readFile(path)
  const saved = join(directory, 'saved')
  await cp(path, saved, { preserveTimestamps: true })
  await rm(path)
  // The file system may use the inode again.
  await writeFile(path, text)
  expect(whyNotOriginal(origin, findMarker(directory))).toMatch(/its file marker (has the inode|was made at)/)
  await rename(saved, path)
  expect(whyNotOriginal(origin, findMarker(directory))).toMatch(/its file marker has the inode/)
})

test('a link to the marker shows the later boots of the original', async () => {
  const origin = { mark: makeMarker(directory, first), boot: first }
  const linked = await mkdtemp(join(tmpdir(), 'paxos-marker-'))
  try {
    await link(join(directory, markerName), join(linked, markerName))
    expect(whyNotOriginal(origin, findMarker(linked))).toBeNull()
    markBoot(directory, second)
    expect(whyNotOriginal(origin, findMarker(linked))).toContain('started 2 times')
  } finally {
    await rm(linked, { recursive: true })
  }
})

test('a marker with another text has no boot, and none is found where there is no file', async () => {
  makeMarker(directory, first)
  await writeFile(join(directory, markerName), 'anything')
  expect(findMarker(directory)).toMatchObject({ boot: null })
  await rm(join(directory, markerName))
  expect(findMarker(directory)).toBeNull()
})
