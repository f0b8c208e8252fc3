import {
  chmod,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { newFounding } from '../../machines/founding.ts'
import { StartError } from '../../src/core/start-error.ts'
import { DataDirectory, type Standing, standingOf } from '../../src/node/home.ts'
import { commandWords } from '../../src/node/option-words.ts'
import { encodeStanding } from '../../src/node/standing-file.ts'
import { standingInFormat } from '../support/other-format.ts'

let parent: string
let path: string
let warnings: string[]

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'paxos-home-'))
  path = join(parent, 'data')
  warnings = []
})

afterEach(() => rm(parent, { recursive: true, force: true }))

const opened = () => DataDirectory.open(path, (permissions) => warnings.push(permissions), commandWords)
const modeOf = async (...names: string[]) => ((await stat(join(path, ...names))).mode & 0o777).toString(8)

const record = newFounding(0, 'own', { members: [{ id: 0, address: 'a:1' }], cluster: null, service: 'lock' })
const founding: Standing = { kind: 'founding', record }
const member: Standing = {
  kind: 'member',
  identity: { cluster: 'c', node: 0, incarnation: 'own', members: [] },
  service: 'lock',
}

test('keeps who the server is, each time in the place of what was kept before', async () => {
  expect(opened().read()).toBeNull()
  expect(standingOf(path)).toBe('empty')
  opened().write(founding)
  expect(opened().read()).toEqual(founding)
  expect(standingOf(path)).toBe('founding')
  opened().write(member)
  expect(opened().read()).toEqual(member)
  expect(standingOf(path)).toBe('member')
  expect((await readdir(path)).sort()).toEqual(['identity.json', 'marker'])
})

test('what is kept can be read by its owner only', async () => {
  opened().write(founding)
  expect([await modeOf(), await modeOf('identity.json'), await modeOf('marker')]).toEqual([
    '700',
    '600',
    '600',
  ])
  expect(warnings).toEqual([])
})

test('a directory that others may read is told of, and left as it is', async () => {
  await mkdir(path)
  await chmod(path, 0o755)
  opened()
  expect(warnings).toEqual(['755'])
  expect(await modeOf()).toBe('755')
})

test('a log whose owner is not known is damaged, and not new', async () => {
  await mkdir(join(path, 'log'), { recursive: true })
  expect(() => opened().read()).toThrow(/it is damaged: it holds a log.*remove the server from the cluster/)
  expect(standingOf(path)).toBe('member')
})

test.each([
  'identity',
  'store',
])('a directory of an earlier format, which holds %s, is refused by name', async (name) => {
  await mkdir(join(path, name), { recursive: true })
  expect(() => opened().read()).toThrow(
    /its format is 1 or 2 .*this version reads formats 4 and 5: remove the server/,
  )
  expect(standingOf(path)).toBe('member')
})

test('a directory of format 3 is refused by name, and left as it is', async () => {
  const text = standingInFormat(3, member)
  await mkdir(path)
  await writeFile(join(path, 'identity.json'), text)
  expect(() => opened().read()).toThrow(
    /its format is 3, and this version reads formats 4 and 5: remove the server from the cluster, and let it join again with an empty directory/,
  )
  expect(await readFile(join(path, 'identity.json'), 'utf8')).toBe(text)
})

test('a file that was changed, or cut, is damaged', async () => {
  opened().write(member)
  const file = join(path, 'identity.json')
  const text = await readFile(file, 'utf8')
  for (const changed of [text.replace('own', 'owm'), text.slice(0, 20), '', '{}']) {
    await writeFile(file, changed)
    expect(() => opened().read()).toThrow(/it is damaged: .*identity\.json/)
    expect(standingOf(path)).toBe('member')
  }
})

test('counts the boots, each with a random part of its own', () => {
  const { boot } = opened().beginBoot(false)
  expect(boot.count).toBe(1)
  const directory = opened()
  expect(directory.beginBoot(false).boot, 'nothing is stored yet').toMatchObject({ count: 1 })
  directory.write(member)
  const second = opened().beginBoot(false).boot
  const third = opened().beginBoot(false).boot
  expect([second.count, third.count]).toEqual([2, 3])
  expect(new Set([boot, second, third].map(({ random }) => random)).size).toBe(3)
  expect(opened().read(), 'a boot changes nothing else').toEqual(member)
  opened().write(founding)
  expect(opened().beginBoot(false).boot.count, 'another standing keeps the boots').toBe(4)
})

describe('a directory that is not the one in which its server stored', () => {
  const copy = () => `${path}-copy`

  beforeEach(async () => {
    opened().write(member)
    opened().beginBoot(false)
    await cp(path, copy(), { recursive: true, preserveTimestamps: true })
  })

  test.each([
    ['a copy', async () => undefined],
    ['a copy under the name of the original', async () => void (await rm(path, { recursive: true }))],
    ['one without its marker', async () => void (await rm(join(copy(), 'marker')))],
  ])('%s is refused, and left as it is, until it is said to be moved', async (_, change) => {
    await change()
    if (!(await stat(path).catch(() => null))) await rename(copy(), path)
    const place = (await stat(copy()).catch(() => null)) === null ? path : copy()
    const text = await readFile(join(place, 'identity.json'), 'utf8')
    const at = () => DataDirectory.open(place, () => undefined, commandWords)
    const refused = () => at().beginBoot(false)
    expect(refused).toThrow(StartError)
    expect(refused).toThrow(
      /^--data \S+ is not the directory in which server 0 stored last: its file marker .*: then two clients can receive one lock\. .*paxos members remove 0.*--join.*start it once with --moved$/,
    )
    expect(await readFile(join(place, 'identity.json'), 'utf8')).toBe(text)
    const { boot, notOriginal } = at().beginBoot(true)
    expect(boot.count).toBe(3)
    expect(notOriginal).toMatch(/its file marker/)
    expect(at().beginBoot(false), 'it is the original one from then on').toMatchObject({
      boot: { count: 4 },
      notOriginal: null,
    })
  })

  test('an earlier identity.json is refused', async () => {
    opened().beginBoot(false)
    await cp(join(copy(), 'identity.json'), join(path, 'identity.json'))
    expect(() => opened().beginBoot(false)).toThrow(
      /marker says that the server was started 3 times, .* 2 times/,
    )
  })
})

test('a directory without a marker, of an earlier version, gets one', async () => {
  await mkdir(path)
  await writeFile(join(path, 'identity.json'), encodeStanding({ standing: member, origin: null }))
  expect(opened().beginBoot(false)).toMatchObject({ boot: { count: 1 }, notOriginal: null })
  await rm(join(path, 'marker'))
  expect(() => opened().beginBoot(false)).toThrow(/its file marker is missing/)
})

test('a marker that an interrupted first write left is replaced', async () => {
  await mkdir(path)
  await writeFile(join(path, 'marker'), '')
  expect(opened().read()).toBeNull()
  opened().write(member)
  expect(opened().beginBoot(false)).toMatchObject({ boot: { count: 2 }, notOriginal: null })
})

test('files of interrupted writes of identity.json are removed when the directory is locked, and no others', async () => {
  opened().write(member)
  const others = [
    'identity.json.tmp',
    'identity.json.x1.tmp',
    'identity.json.1.tmp.old',
    'my-identity.json.1.tmp',
  ]
  for (const name of ['identity.json.1.tmp', 'identity.json.4194304.tmp', ...others]) {
    await writeFile(join(path, name), 'cut')
  }
  const release = await opened().lock()
  await release()
  expect((await readdir(path)).sort()).toEqual(['identity.json', 'marker', ...others].sort())
  expect(opened().read()).toEqual(member)
})

test('a write that fails leaves no temporary file', async () => {
  const directory = opened()
  // Nothing can be read there, and no link can take the name.
  await symlink('nowhere', join(path, 'identity.json'))
  expect(() => directory.write(founding)).toThrow('its file identity.json cannot be written: EEXIST')
  expect((await readdir(path)).sort()).toEqual(['identity.json', 'marker'])
})
