/** What `paxos backup`, `restore` and `recover` refuse, and that they change nothing then. The drills show what they do. */
import { appendFileSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { connect } from '../../src/client/index.ts'
import { type RunningNode, startNode } from '../../src/node/node.ts'
import { freePorts } from '../support/free-ports.ts'
import { paxos } from './paxos.ts'
import { running } from './running.ts'

const here = running()
let nodes: RunningNode[]
let servers: string[]

beforeEach(async () => {
  const first = await freePorts(2)
  servers = [first, first + 1].map((port) => `127.0.0.1:${port}`)
  nodes = []
})

afterEach(async () => {
  await Promise.all(nodes.map((node) => node.stop()))
})

const dataDir = (id: number) => join(here.data, String(id))

/** Two servers, which have chosen something. */
async function found(): Promise<void> {
  const members = servers.map((address, id) => ({ id, address }))
  nodes = await Promise.all(
    members.map(({ id, address }) =>
      startNode({ id, listen: address, dataDir: dataDir(id), bootstrap: { members } }),
    ),
  )
  const client = connect({ servers })
  await client.locks.acquire('x')
  await client.close()
}

async function refused(code: number, ...args: string[]): Promise<string> {
  const ended = await paxos(...args)
  expect(ended).toMatchObject({ code, stdout: '' })
  return ended.stderr
}

test('backup: no file is replaced, and none is left when there is no server', async () => {
  const file = join(here.data, 'file')
  writeFileSync(file, 'mine')
  expect(await refused(1, 'backup', file)).toContain(`${file} exists: give another name, or remove it`)
  expect(readFileSync(file, 'utf8')).toBe('mine')
  const other = join(here.data, 'other')
  expect(await refused(5, 'backup', other, '--servers', servers.join(), '--timeout', '1')).toContain(
    'no server answered after 1 s',
  )
  expect(await refused(1, 'backup', join(here.data, 'missing', 'file'))).toContain(
    'cannot be written: ENOENT',
  )
  expect(readdirSync(here.data)).toEqual(['file'])
}, 60_000)

describe('restore', () => {
  test('refuses what is no whole backup, directories with stored data, and while a server still runs', async () => {
    await found()
    const file = join(here.data, 'file')
    const taken = await paxos('backup', file, '--servers', servers.join(), '--json')
    expect(JSON.parse(taken.stdout)).toMatchObject({
      ...{ file, service: 'lock', cluster: nodes[0]?.cluster, fileBytes: statSync(file).size },
    })
    const restore = (name: string, ...more: string[]) =>
      ['restore', name, '--members', `0=${servers[0]}`, '--data', join(here.data, 'new'), ...more] as const

    expect(await refused(1, ...restore(join(here.data, 'missing'), '--yes'))).toContain('ENOENT')
    expect(await refused(1, ...restore(join(dataDir(0), 'identity.json'), '--yes'))).toContain(
      'is no backup of paxos',
    )
    expect(
      await refused(1, 'restore', file, '--members', `0=${servers[0]}`, '--data', here.data, '--yes'),
    ).toContain(`${dataDir(0)} is not empty`)
    const stillRun = (at: string) => `servers of the cluster ${nodes[0]?.cluster} still run at ${at}: `
    expect(await refused(1, ...restore(file, '--yes'))).toContain(stillRun(servers.join(', ')))
    await nodes[0]?.stop()
    const said = await refused(1, ...restore(file, '--yes'))
    expect(said).toContain(stillRun(String(servers[1])))
    expect(said).toContain('stop all its servers first')
    await nodes[1]?.stop()
    expect(await refused(2, ...restore(file))).toContain('give --yes to confirm it')
    expect(readdirSync(here.data).sort()).toEqual(['0', '1', 'file'])

    const results = []
    for (const name of ['new', 'again']) {
      const args = ['--members', `0=${servers[0]}`, '--data', join(here.data, name), '--yes', '--json']
      results.push(JSON.parse((await paxos('restore', file, ...args)).stdout))
    }
    expect(results[0].instance).toBe(results[1].instance)
    expect(results[0].cluster, 'each is another cluster').not.toBe(results[1].cluster)

    const cut = join(here.data, 'cut')
    writeFileSync(cut, readFileSync(file).subarray(0, 5_000))
    expect(await refused(1, ...restore(cut, '--yes'))).toContain(
      `${cut} is damaged: it is cut short, to 5000 bytes, and its header alone has 16384`,
    )
    appendFileSync(file, 'x')
    expect(await refused(1, ...restore(file, '--yes'))).toContain(`${file} is damaged`)
  }, 60_000)
})

describe('recover', () => {
  const force = (directory: string, ...more: string[]) =>
    ['recover', '--force-new-cluster', '--data', directory, ...more] as const

  test('refuses directories of no server', async () => {
    expect(await refused(2, 'recover', '--data', here.data)).toContain('give --force-new-cluster')
    expect(await refused(1, ...force(join(here.data, 'missing'), '--yes'))).toContain('does not exist')
    mkdirSync(dataDir(0))
    expect(await refused(1, ...force(dataDir(0), '--yes'))).toContain('holds no store')
    expect(readdirSync(dataDir(0))).toEqual([])
  }, 60_000)

  test('refuses a directory in use, one while others run, and one that is damaged', async () => {
    await found()
    expect(await refused(1, ...force(dataDir(1), '--yes'))).toContain('it is in use by another process')
    await nodes[1]?.stop()
    expect(await refused(1, ...force(dataDir(1), '--yes'))).toContain(`still run at ${servers[0]}: `)
    await nodes[0]?.stop()
    expect(await refused(2, ...force(dataDir(1)))).toContain('give --yes to confirm it')
    const log = join(dataDir(1), 'log', '00000001.log')
    const bytes = readFileSync(log)
    bytes[8_200] = (bytes[8_200] ?? 0) ^ 1
    writeFileSync(log, bytes)
    expect(await refused(1, ...force(dataDir(1), '--yes'))).toContain('is damaged')
    expect(readdirSync(here.data).sort(), 'nothing was renamed').toEqual(['0', '1'])
  }, 60_000)
})
