import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type Boot, nextBoot, nothingVoted } from '../../machines/boot.ts'
import type { Trust } from '../../src/core/trust.ts'
import { BootsFile, type BootsOwner } from '../../src/node/boots-file.ts'

let directory: string
let last: Boot | null
let lines: { readonly msg: string; readonly reason: string }[]

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'paxos-boots-'))
  lines = []
  last = null
})

afterEach(() => rm(directory, { recursive: true, force: true }))

const identity = { cluster: 'c', incarnation: 'i' }
const path = () => join(directory, 'boots.json')

/** The file as it is opened in the next boot of the directory, or in `boot`. */
function opened({ boot, ...owner }: Partial<BootsOwner> = {}): BootsFile {
  const logger = pino({}, { write: (line: string) => lines.push(JSON.parse(line)) })
  last = boot ?? nextBoot(last, `r${(last?.count ?? 0) + 1}`)
  return new BootsFile(directory, { ...identity, boot: last, ...owner }, logger)
}

/** What is known of server 1, which has started that often. */
function starts(count: number): Trust {
  const boot = { count, random: `r${count}`, after: '', voted: nothingVoted }
  return [
    { node: 1, incarnation: 'other', latest: { boot, voted: nothingVoted }, isMet: true, distrust: null },
  ]
}

test('a directory without the file knows nothing, which is no fault', () => {
  expect(opened().stored).toEqual([])
  expect(lines).toEqual([])
})

test('what was kept last is found again, and nothing else is left in the directory', async () => {
  const file = opened()
  for (let count = 1; count <= 50; count += 1) file.keep(starts(count))
  await file.close()
  expect(opened().stored).toEqual(starts(50))
  expect(await readdir(directory)).toEqual(['boots.json'])
})

test('it is written soon without being closed, and at most once a second', async () => {
  const file = opened()
  file.keep(starts(1))
  await vi.waitFor(() => expect(opened().stored).toEqual(starts(1)), 10_000)
  const startMs = performance.now()
  file.keep(starts(2))
  await vi.waitFor(() => expect(opened().stored).toEqual(starts(2)), 10_000)
  expect(performance.now() - startMs).toBeGreaterThan(500)
  await file.close()
})

test('the file of another cluster or directory is not believed', async () => {
  const file = opened()
  file.keep(starts(1))
  await file.close()
  expect(opened({ cluster: 'another' }).stored).toEqual([])
  expect(opened({ incarnation: 'another' }).stored).toEqual([])
  expect(lines).toEqual([])
})

test('a damaged file is said to be, and replaced', async () => {
  const file = opened()
  file.keep(starts(1))
  await file.close()
  const text = await readFile(path(), 'utf8')
  for (const damaged of [text.slice(0, 100), text.replace('"count": 1', '"count": 2'), '', '[]']) {
    await writeFile(path(), damaged)
    expect(opened().stored).toEqual([])
  }
  expect(lines.map(({ msg }) => msg)).toEqual(
    Array(4).fill(expect.stringContaining(`cannot use the boots of other servers in ${path()}`)),
  )
  expect(lines[1]?.reason).toMatch(/the checksum of its boots.json is \w+, and the file says \w+/)
  const again = opened()
  again.keep(starts(3))
  await again.close()
  expect(opened().stored).toEqual(starts(3))
})

test('the file of a later run than the last one of the directory is said to be, and not believed', async () => {
  const first = nextBoot(null, 'r1')
  const second = nextBoot(first, 'r2')
  const other = nextBoot(first, 'other')
  const file = opened({ boot: second })
  file.keep(starts(1))
  await file.close()
  expect(opened({ boot: nextBoot(second, 'r3') }).stored).toEqual(starts(1))
  expect(opened({ boot: nextBoot(nextBoot(second, 'r3'), 'r4') }).stored).toEqual(starts(1))
  expect(lines).toEqual([])
  for (const boot of [first, other, nextBoot(other, 'r3')]) expect(opened({ boot }).stored).toEqual([])
  expect(lines.map(({ reason }) => reason)).toEqual(
    Array(3).fill('it is of boot 2, and the rest of the directory is older'),
  )
})

test('a file that no server wrote is not read whole', async () => {
  await writeFile(path(), '')
  await truncate(path(), 2 ** 32)
  expect(opened().stored).toEqual([])
  expect(lines[0]?.reason).toBe('it has 4294967296 bytes, and at most 1048576 are written')
})

test('a file that cannot be written is said once, and ends nothing', async () => {
  await rm(directory, { recursive: true })
  const file = opened()
  file.keep(starts(1))
  await vi.waitFor(() => expect(lines).toHaveLength(1), 10_000)
  file.keep(starts(2))
  await file.close()
  expect(lines.map(({ msg }) => msg)).toEqual([
    expect.stringContaining(`cannot store the boots of other servers in ${path()}`),
  ])
})
