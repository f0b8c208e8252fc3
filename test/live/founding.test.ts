/** How a cluster is founded by real servers, in this process: what may go wrong, and what each is told to do. */
import { chmod, mkdtemp, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Address, NodeId } from '../../machines/batch.ts'
import { newFounding } from '../../machines/founding.ts'
import { type Client, connect } from '../../src/client/index.ts'
import { DataDirectory } from '../../src/node/home.ts'
import { type NodeOptions, type RunningNode, startNode } from '../../src/node/node.ts'
import { programWords } from '../../src/node/option-words.ts'
import { Datagrams } from '../support/datagrams.ts'
import { freePorts } from '../support/free-ports.ts'

let directory: string
let port: number
let nodes: Map<NodeId, RunningNode>
let clients: Client[]
let lines: { readonly server: NodeId; readonly level: number; readonly msg: string }[]
let founding: AbortController

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'paxos-founding-'))
  port = await freePorts(4)
  nodes = new Map()
  clients = []
  lines = []
  founding = new AbortController()
})

afterEach(async () => {
  founding.abort()
  await Promise.all(clients.map((client) => client.close()))
  await Promise.all([...nodes.values()].map((node) => node.stop()))
  await rm(directory, { recursive: true, force: true })
})

const addressOf = (id: NodeId): Address => `127.0.0.1:${port + id}`
const membersOf = (ids: readonly NodeId[]) => ids.map((id) => ({ id, address: addressOf(id) }))
const dataOf = (id: NodeId) => join(directory, `${id}`)

async function start(id: NodeId, more: Partial<NodeOptions> = {}): Promise<RunningNode> {
  const logger = pino({ level: 'info' }, { write: (line: string) => lines.push(JSON.parse(line)) })
  const node = await startNode({
    id,
    listen: addressOf(id),
    dataDir: dataOf(id),
    signal: founding.signal,
    logger,
    ...more,
  })
  nodes.set(id, node)
  return node
}

const found = (id: NodeId, ids: readonly NodeId[] = [0, 1, 2]) =>
  start(id, { bootstrap: { members: membersOf(ids) } })

async function stop(id: NodeId): Promise<void> {
  await nodes.get(id)?.stop()
  nodes.delete(id)
}

async function wipe(id: NodeId): Promise<void> {
  await stop(id)
  await rm(dataOf(id), { recursive: true })
}

function client(...ids: readonly NodeId[]): Client {
  const connected = connect({ servers: ids.map(addressOf) })
  clients.push(connected)
  return connected
}

/** Why it did not start. */
async function refusal(starting: Promise<unknown>): Promise<string> {
  const error = await starting.then(
    () => expect.fail('it started'),
    (reason: unknown) => reason as Error,
  )
  expect(error.name).toMatch(/^(StartError|StorageError)$/)
  return error.message
}

/** Founds with the servers of these ids until the test aborts it, as if they had been killed. */
async function interrupted(ids: readonly NodeId[], until: () => Promise<boolean>): Promise<void> {
  const interrupting = new AbortController()
  const all = ids.map((id) =>
    start(id, { bootstrap: { members: membersOf([0, 1, 2]) }, signal: interrupting.signal }),
  )
  await vi.waitFor(async () => expect(await until()).toBe(true), 20_000)
  interrupting.abort(new Error('killed'))
  await Promise.allSettled(all)
}

const identityText = (id: NodeId) => readFile(join(dataOf(id), 'identity.json'), 'utf8')

const ownIncarnation = (text: string) => /"incarnation": "([^"]+)"/.exec(text)?.[1] ?? expect.fail(text)

describe('three founders', () => {
  test('serve once all are there, each with an incarnation of its own', async () => {
    const first = found(0)
    const second = found(1)
    const inquirer = await Datagrams.open()
    await vi.waitFor(async () => {
      expect(await inquirer.inquire(addressOf(0))).toMatchObject({ state: 'founding', waitsFor: [2] })
    })
    await inquirer.close()
    expect(nodes.size).toBe(0)
    const started = await Promise.all([first, second, found(2)])
    expect(new Set(started.map(({ cluster }) => cluster)).size).toBe(1)
    const texts = await Promise.all([0, 1, 2].map(identityText))
    const own = texts.map(ownIncarnation)
    expect(new Set(own).size).toBe(3)
    await (await client(0, 1, 2).locks.acquire('a')).release()
    // A status and a welcome tell none of them.
    const [status] = await client(0).status(addressOf(0))
    for (const incarnation of own) expect(JSON.stringify(status)).not.toContain(incarnation)
  })

  test('are not misled by a stranger that speaks in the name of one', async () => {
    const all = [found(0), found(1)]
    const stranger = await Datagrams.open()
    const plan = { members: membersOf([0, 1, 2]), cluster: null, service: 'lock' }
    const say = (id: NodeId, message: object) =>
      stranger.send(addressOf(id), JSON.stringify({ v: 4, c: '', s: 2, m: [message] }).padEnd(2_000))
    await vi.waitFor(async () => {
      expect(await stranger.inquire(addressOf(1))).toMatchObject({ state: 'founding', waitsFor: [2] })
    })
    const before = stranger.heard.length
    for (const id of [0, 1]) await say(id, { type: 'found', ...plan, incarnation: 'evil' })
    await new Promise((next) => setTimeout(next, 500))
    const heard = stranger.heard.slice(before)
    // What it would do with an incarnation that it was told.
    const told = heard.flatMap((text) => /"incarnation": "([^"]+)"/.exec(text)?.[1] ?? [])
    for (const to of ['evil', ...told]) {
      for (const id of [0, 1]) {
        await say(id, { type: 'founder', to, incarnation: 'evil', founders: null, isFounded: false })
        await say(id, { type: 'notFounder', to, ...plan, isFounded: true })
      }
    }
    await stranger.close()
    expect(heard).toEqual([])
    const started = await Promise.all([...all, found(2)])
    expect(new Set(started.map(({ cluster }) => cluster)).size).toBe(1)
    for (const id of [0, 1, 2]) expect(await identityText(id)).not.toContain('evil')
    await (await client(0, 1, 2).locks.acquire('a')).release()
  })

  test('say for whom they wait', async () => {
    void found(0).catch(() => undefined)
    await vi.waitFor(() => {
      expect(lines.map(({ msg }) => msg)).toContainEqual(
        `founding: waits for server 1 at ${addressOf(1)}, server 2 at ${addressOf(2)}`,
      )
    })
  })

  test('whose founding was interrupted go on, with --bootstrap and without', async () => {
    await interrupted([0, 1], async () => (await readdir(directory)).length === 2)
    const [zero, one, two] = await Promise.all([start(0), found(1), found(2)])
    expect([zero!.cluster, one!.cluster]).toEqual([two!.cluster, two!.cluster])
    await (await client(0).locks.acquire('a')).release()
  })

  test('keep what they stored, and none other may be put in its place', async () => {
    await Promise.all([found(0), found(1), found(2)])
    await stop(0)
    await rm(join(dataOf(0), 'log'), { recursive: true })
    expect(await refusal(found(0))).toMatch(/it is damaged: it holds no log, but it held one before/)
    await stop(1)
    await rm(join(dataOf(1), 'identity.json'))
    expect(await refusal(found(1))).toMatch(/it is damaged: it holds a log, .* join again with an empty/)
  })
})

describe('a founder that lost its directory and is given --bootstrap again', () => {
  test('is told by another that the cluster exists; removed, it joins as it was told', async () => {
    await Promise.all([found(0), found(1), found(2)])
    const held = await client(0).locks.acquire('a')
    await wipe(2)
    const told = await refusal(found(2))
    expect(told).toMatch(
      /^the cluster exists, as server [01] at \S+ says, and knows server 2 by another directory/,
    )
    const [, seed] = /paxos members remove 2 --servers (\S+); then start it with join \1/.exec(told) ?? []
    expect([addressOf(0), addressOf(1)]).toContain(seed)
    await client(0).changeMembers({ action: 'remove', id: 2 })
    const joined = await start(2, { join: seed! })
    expect(joined.status()).toMatchObject({ counted: true })
    const others = await Promise.all([0, 1].map(identityText))
    const incarnation = ownIncarnation(await identityText(2))
    for (const text of others) expect(text, 'it is none of the founders').not.toContain(incarnation)
    expect(await held.release()).toBe(true)
  })

  test('waits when it is alone, and says for whom', async () => {
    await Promise.all([found(0), found(1), found(2)])
    await client(0).locks.acquire('a')
    await Promise.all([stop(0), stop(1), wipe(2)])
    lines = []
    const waiting = found(2)
    await vi.waitFor(() => {
      expect(lines.map(({ msg }) => msg)).toContainEqual(
        expect.stringMatching(/^founding: waits for server 0 at \S+, server 1 at \S+$/),
      )
    })
    const asking = client(2)
    const late = new AbortController()
    setTimeout(() => late.abort(new Error('late')), 1_000)
    await expect(asking.locks.acquire('a', { signal: late.signal })).rejects.toThrow()
    // Another comes back.
    await Promise.all([start(0), expect(waiting).rejects.toThrow('the cluster exists')])
  })

  test('before any founder has voted, says how all begin anew, which works', async () => {
    const plan = { members: membersOf([0, 1, 2]), cluster: null, service: 'lock' }
    const founders = [0, 1, 2].map((id) => ({ id, incarnation: `lost-${id}` }))
    for (const id of [0, 1]) {
      const record = { ...newFounding(id, `lost-${id}`, plan), founders }
      DataDirectory.open(dataOf(id), () => undefined, programWords).write({ kind: 'founding', record })
    }
    const all = [found(0), found(1), found(2)]
    for (const starting of all) starting.catch(() => undefined)
    const inquirer = await Datagrams.open()
    const anew = 'empty their directories, and start them with bootstrap again'
    await vi.waitFor(async () => {
      const statuses = await Promise.all([0, 1, 2].map((id) => inquirer.inquire(addressOf(id))))
      expect(statuses).toMatchObject([
        { state: 'founding', waitsFor: [2], obstacles: [expect.stringContaining(anew)] },
        { state: 'founding', waitsFor: [2], obstacles: [expect.stringContaining(anew)] },
        { state: 'founding', obstacles: [expect.stringContaining(anew), expect.stringContaining(anew)] },
      ])
    })
    await inquirer.close()
    founding.abort()
    await Promise.allSettled(all)
    founding = new AbortController()
    for (const id of [0, 1, 2]) await rm(dataOf(id), { recursive: true })
    await Promise.all([found(0), found(1), found(2)])
    await (await client(0).locks.acquire('a')).release()
  })
})

describe('founders that were started differently', () => {
  test('do not serve, and each is told the difference', async () => {
    const all = [found(0, [0, 1, 2]), found(1, [0, 1, 3])]
    for (const starting of all) starting.catch(() => undefined)
    const difference = (here: NodeId) => {
      const [only, other] = here === 0 ? [2, 3] : [3, 2]
      const texts = [
        [only, `server ${only} is at ${addressOf(only!)} here, and no member there`],
        [other, `server ${other} is no member here, and at ${addressOf(other!)} there`],
      ] as const
      return texts
        .toSorted(([a], [b]) => a! - b!)
        .map(([, text]) => text)
        .join('; ')
    }
    await vi.waitFor(() => {
      const said = (server: NodeId) => lines.filter((line) => line.server === server).map(({ msg }) => msg)
      expect(said(0)).toContainEqual(
        expect.stringContaining(`another cluster than this one: ${difference(0)}`),
      )
      expect(said(1)).toContainEqual(
        expect.stringContaining(`another cluster than this one: ${difference(1)}`),
      )
    })
    expect(nodes.size).toBe(0)
  })

  test('one that two others left out is told of their cluster', async () => {
    await Promise.all([found(0, [0, 1]), found(1, [0, 1])])
    expect(await refusal(found(2, [0, 1, 2]))).toMatch(
      /belongs to an existing cluster that was founded differently: server 2 is at \S+ here, and no member there. To join it, start server 2 with join/,
    )
    await start(2, { join: addressOf(0) })
    expect(nodes.get(2)?.status()).toMatchObject({ counted: true })
  })
})

test('two clusters that were founded at the same addresses never mix', async () => {
  const [first] = await Promise.all([found(0), found(1), found(2)])
  await (await client(0).locks.acquire('a')).release()
  for (const id of [0, 1, 2]) {
    await stop(id)
    await rename(dataOf(id), `${dataOf(id)}-first`)
  }
  const [second] = await Promise.all([found(0), found(1), found(2)])
  expect(second!.cluster).not.toBe(first!.cluster)
  await stop(0)
  const held = await client(1, 2).locks.acquire('a')
  // A server of the first cluster runs in the place of one of the second.
  await start(0, { dataDir: `${dataOf(0)}-first` })
  await expect(
    client(0).locks.acquire('a', { signal: AbortSignal.timeout(3_000) }),
    'it finds no quorum',
  ).rejects.toThrow()
  await (await client(1, 2).locks.acquire('b')).release()
  for (const [id, { cluster }] of [
    [0, first!],
    [1, second!],
  ] as const) {
    const status = nodes.get(id)?.status()
    expect(status).toMatchObject({ cluster, datagrams: { dropped: { foreign: expect.any(Number) } } })
  }
  expect(await held.release()).toBe(true)
})

test('a server that starts again counts the members of now, not its founders', async () => {
  await Promise.all([found(0, [0, 1]), found(1, [0, 1])])
  await client(0).changeMembers({ action: 'remove', id: 1 })
  await Promise.all([stop(0), stop(1)])
  await start(0)
  await (await client(0).locks.acquire('a')).release()
  expect(nodes.get(0)?.status()).toMatchObject({ members: [{ id: 0, counted: true }] })
})

test('what a server writes is for its user only; a directory that others may read is told of', async () => {
  const journal = join(directory, 'journal')
  const options = { bootstrap: { members: membersOf([0]) }, executedLog: true, journal }
  await start(0, options)
  await (await client(0).locks.acquire('a')).release()
  await stop(0)
  const modes = async (path: string): Promise<string[]> => {
    const { mode } = await stat(path)
    return [(mode & 0o777).toString(8)]
  }
  expect(await modes(dataOf(0))).toEqual(['700'])
  expect(await modes(join(dataOf(0), 'log'))).toEqual(['700'])
  for (const file of ['identity.json', 'executed.log'])
    expect(await modes(join(dataOf(0), file))).toEqual(['600'])
  expect(await modes(journal)).toEqual(['600'])
  await chmod(dataOf(0), 0o755)
  await start(0)
  expect(lines.map(({ msg }) => msg)).toContainEqual(expect.stringContaining(`chmod 700 ${dataOf(0)}`))
})
