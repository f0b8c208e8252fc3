import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { newFounding } from '../../machines/founding.ts'
import { DataDirectory, type Standing, standingOf } from '../../src/node/home.ts'
import { commandWords } from '../../src/node/option-words.ts'
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
  expect(await readdir(path)).toEqual(['identity.json'])
})

test('what is kept can be read by its owner only', async () => {
  opened().write(founding)
  expect([await modeOf(), await modeOf('identity.json')]).toEqual(['700', '600'])
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
    /its format is 1 or 2 .*this version reads format 4: remove the server/,
  )
  expect(standingOf(path)).toBe('member')
})

test('a directory of format 3 is refused by name, and left as it is', async () => {
  const text = standingInFormat(3, member)
  await mkdir(path)
  await writeFile(join(path, 'identity.json'), text)
  expect(() => opened().read()).toThrow(
    /its format is 3, and this version reads format 4: remove the server from the cluster, and let it join again with an empty directory/,
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
