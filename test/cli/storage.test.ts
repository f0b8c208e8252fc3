import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { cp, mkdir, mkdtemp, open, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { newFounding } from '../../machines/founding.ts'
import { checkStorage } from '../../src/cli/storage-check.ts'
import { DataDirectory } from '../../src/node/home.ts'
import { decodeHead } from '../../src/storage/log/head.ts'
import { LogStorage } from '../../src/storage/log-storage.ts'
import {
  accepting,
  compacting,
  identity,
  learning,
  record,
  snapshotBytes,
  snapshotName,
} from '../storage/fixtures.ts'
import { main } from '../support/built-paxos.ts'
import { bundled } from '../support/bundled.ts'
import { standingInFormat } from '../support/other-format.ts'
import { paxos } from './paxos.ts'

let parent: string
let directory: string

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'paxos-storage-'))
  directory = join(parent, 'data')
  await mkdir(directory)
})

afterEach(() => rm(parent, { recursive: true, force: true }))

/** Writes what a server that knows instance 0 and accepted one more batch stores, and then `more`. */
async function written(more: (storage: LogStorage) => Promise<void> = async () => undefined): Promise<void> {
  new DataDirectory(directory).write({ kind: 'member', identity })
  const storage = new LogStorage(directory)
  await storage.open()
  await storage.initialise(identity)
  await storage.persist(accepting(3, record(0, 3, 'first')))
  await Promise.all([
    storage.persist(learning(0, 'first')),
    storage.persist(accepting(4, record(1, 4, 'second'))),
  ])
  await more(storage)
  await storage.close()
}

const segment = () => join(directory, 'log/00000001.log')

async function flip(path: string, offset: number): Promise<void> {
  const bytes = await readFile(path)
  await overwrite(path, offset, Buffer.from([~(bytes[offset] ?? 0) & 0xff]))
}

async function overwrite(path: string, offset: number, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'r+')
  await file.write(bytes, 0, bytes.length, offset)
  await file.close()
}

/** The end of the log, as `head` names it. */
async function headOffset(): Promise<number> {
  const decoded = decodeHead(await readFile(join(directory, 'log/head')))
  return 'head' in decoded ? decoded.head.synced.endBytes : expect.fail(decoded.reason)
}

/** The names of all files and the hashes of their contents. */
async function picture(): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  const shown = files.map(
    async (file) =>
      `${file} ${createHash('sha256')
        .update(await readFile(file))
        .digest('hex')}`,
  )
  return [...entries.map(({ name }) => name), ...(await Promise.all(shown))].sort()
}

/** Runs `paxos storage` with `--json` and without, and checks that it changes nothing. */
async function checked(): Promise<{
  readonly code: number | null
  readonly text: string
  readonly json: unknown
}> {
  const before = await picture()
  const { code, stdout: text, stderr } = await paxos('storage', 'check', directory)
  const {
    code: jsonCode,
    stdout: json,
    stderr: jsonStderr,
  } = await paxos('storage', 'check', directory, '--json')
  expect(await picture()).toEqual(before)
  expect([jsonCode, stderr, jsonStderr]).toEqual([code, '', ''])
  expect(json.endsWith('\n') && json.trimEnd().split('\n')).toHaveLength(1)
  return { code, text, json: JSON.parse(json) }
}

const server = { id: 1, cluster: 'c1', incarnation: 'founder-1' }

describe('storage check', () => {
  test('reports a sound store', async () => {
    await written()
    const { code, text, json } = await checked()
    expect(code).toBe(0)
    expect(json).toEqual({
      verdict: 'sound',
      torn: null,
      damage: null,
      server,
      state: { promised: { round: 4, node: 0 }, accepted: 1, firstUnchosen: 1, floor: 0 },
      snapshot: null,
      head: { file: 'log/00000001.log', offset: 16_384, group: 3, recordsAfter: 0 },
      segments: [{ file: 'log/00000001.log', begun: 'opened', groups: 3, records: 6, bytes: 16_384 }],
      unused: [],
    })
    expect(text).toBe(
      [
        'sound',
        '',
        'server 1 of the cluster c1, incarnation founder-1',
        'promised 4.0, 1 accepted record, first unchosen instance 1',
        'head: synced up to group 3, at byte 16384 of log/00000001.log; nothing after it',
        '',
        'SEGMENT           BEGUN       GROUPS  RECORDS  BYTES',
        'log/00000001.log  at a start  3       6        16384',
        '',
      ].join('\n'),
    )
  })

  /** Takes a snapshot that holds instance 0, and leaves an unfinished one. */
  async function compacted(storage: LogStorage): Promise<void> {
    const draft = storage.draft()
    await draft.append(snapshotBytes(1))
    await draft.seal()
    await storage.persist(compacting(1, 1))
    const received = await storage.receive(snapshotName(2), () => undefined)
    await received.append(snapshotBytes(2))
  }

  test('reports the snapshot, and the files that the next start removes', async () => {
    await written(compacted)
    const { code, text, json } = await checked()
    const { digest } = snapshotName(1)
    expect({ code, json }).toMatchObject({
      code: 0,
      json: {
        verdict: 'sound',
        state: { accepted: 1, firstUnchosen: 1, floor: 1 },
        snapshot: { file: 'log/00000001.snapshot', instance: 1, bytes: 100, digest },
        segments: [{ file: 'log/00000002.log', begun: 'snapshot', groups: 1, records: 4 }],
        unused: ['log/00000002.snapshot'],
      },
    })
    expect(text).toContain(
      'first unchosen instance 1, chosen batches from instance 1 on\nsnapshot: the state below instance 1, 100 bytes in log/00000001.snapshot\n',
    )
    expect(text).toContain('log/00000002.log  with a snapshot  1       4        8192')
    expect(text).toContain('log/00000002.snapshot is no part of the store: the next start removes it')
    const { stdout } = await paxos('storage', 'show', directory)
    expect(stdout).toContain(
      `2        4        snapshot          1         -       {"floor":1,"file":"00000001.snapshot","lengthBytes":100,"digest":"${digest.slice(0, 20)}`,
    )
  })

  test('reports a snapshot with a changed byte as damage', async () => {
    await written(compacted)
    await flip(join(directory, 'log/00000001.snapshot'), 50)
    const { code, json } = await checked()
    expect({ code, json }).toMatchObject({
      code: 6,
      json: { damage: { file: 'log/00000001.snapshot', reason: expect.stringContaining('its SHA-256 is') } },
    })
  })

  test('reports a torn tail', async () => {
    await written()
    const offset = await headOffset()
    await overwrite(segment(), offset, Buffer.from('PXG3 and no more'))
    const { code, text, json } = await checked()
    expect(code).toBe(0)
    const torn = { file: 'log/00000001.log', offset, reason: expect.any(String) }
    expect(json).toMatchObject({
      verdict: 'torn tail',
      torn,
      damage: null,
      server,
      state: { firstUnchosen: 1 },
    })
    expect(text).toMatch(/^torn tail: log\/00000001\.log, at byte 16384: .*\nThe next start drops it/)
  })

  test('reports a flipped byte as damage', async () => {
    await written()
    await overwrite(segment(), 8_200, Buffer.from([0xff]))
    const { code, text, json } = await checked()
    expect(code).toBe(6)
    const damage = {
      file: 'log/00000001.log',
      offset: 8_192,
      reason: expect.stringContaining('synced up to group 3'),
      remedy: expect.stringContaining('let it join again with an empty directory'),
    }
    const unknown = { state: null, head: null, snapshot: null, segments: null, unused: null }
    expect(json).toEqual({ verdict: 'damaged', torn: null, damage, server, ...unknown })
    expect(text).toMatch(
      /^damaged: log\/00000001\.log, at byte 8192: .*\nDo not restore an older copy.*\n\nserver 1/,
    )
  })

  const losses: readonly (readonly [string, () => Promise<void>, object])[] = [
    ['head', () => rm(join(directory, 'log/head')), { file: 'log/head', reason: 'the file is missing' }],
    ['a segment', () => rm(segment()), { file: 'log/00000001.log', reason: 'the file is missing' }],
    [
      'the log',
      () => rm(join(directory, 'log'), { recursive: true }),
      { file: 'log', offset: null, reason: 'it holds no log, but it held one before' },
    ],
    [
      'identity.json',
      () => rm(join(directory, 'identity.json')),
      {
        file: 'identity.json',
        reason: expect.stringMatching(/^it holds a log, but the file identity\.json/),
      },
    ],
  ]

  test.each(losses)('reports a store without %s as damaged', async (_, lose, damage) => {
    await written()
    await lose()
    const { code, json } = await checked()
    expect(code).toBe(6)
    expect(json).toMatchObject({ verdict: 'damaged', damage })
  })

  test('reports a segment that the next start removes', async () => {
    await written()
    await cp(segment(), join(directory, 'log/00000002.log'))
    const { code, json } = await checked()
    expect({ code, json }).toMatchObject({ code: 6, json: { damage: { reason: 'it is segment 1' } } })
    await writeFile(join(directory, 'log/00000002.log'), '')
    expect(await checked()).toMatchObject({
      code: 0,
      json: { verdict: 'torn tail', unused: ['log/00000002.log'] },
    })
  })

  const refused: readonly (readonly [string, () => Promise<unknown>, RegExp])[] = [
    ['does not exist', () => rm(directory, { recursive: true }), /^paxos: \S+ does not exist\n$/],
    ['is empty', async () => undefined, /holds no store: give the data directory of one server\n$/],
    [
      'is a file',
      async () => {
        await rm(directory, { recursive: true })
        await writeFile(directory, '')
      },
      /is not a directory\n$/,
    ],
    [
      'is of format 1',
      () => writeFile(join(directory, 'identity'), ''),
      /its format is 1 or 2 .*this version reads formats 4 and 5: remove/,
    ],
    [
      'is of format 3',
      () => writeFile(join(directory, 'identity.json'), standingInFormat(3, { kind: 'member', identity })),
      /its format is 3, and this version reads formats 4 and 5: remove the server from the cluster, and let it join again/,
    ],
    ['is of format 2', () => mkdir(join(directory, 'store')), /its format is 1 or 2 /],
    [
      'belongs to a founder that waits',
      async () => {
        const plan = { members: [{ id: 0, address: 'a:1' }], cluster: null, service: 'lock' }
        new DataDirectory(directory).write({ kind: 'founding', record: newFounding(0, 'own', plan) })
      },
      /holds no log yet: its server waits for the other founders\n$/,
    ],
    [
      'has the identity of another server',
      async () => {
        await written()
        new DataDirectory(directory).write({
          kind: 'member',
          identity: { ...identity, incarnation: 'other' },
        })
      },
      /holds the log of server 1 of the cluster c1, .*parts of two directories/,
    ],
  ]

  test.each(refused)('refuses a directory that %s', async (_, prepare, told) => {
    await prepare()
    for (const command of ['check', 'show']) {
      const { code, stdout, stderr } = await paxos('storage', command, directory, '--json')
      expect({ code, stderr }).toEqual({ code: 1, stderr: '' })
      const { message } = JSON.parse(stdout.trimEnd().split('\n').at(-1)!).error
      expect(`paxos: ${message}\n`).toMatch(told)
    }
  })

  test('never reports damage while a server writes, is killed and starts again', async () => {
    await written()
    const loop = bundled(join(import.meta.dirname, '../storage/write-loop.ts'))
    const verdicts = new Set<string>()
    for (let start = 0; start < 6; start += 1) {
      const writer = spawn(process.execPath, [loop, directory], { stdio: ['ignore', 'pipe', 'inherit'] })
      const over = once(writer, 'close')
      // The checks begin before the opening of the store ends.
      let deadlineMs = Number.POSITIVE_INFINITY
      writer.stdout.once('data', () => {
        deadlineMs = performance.now() + 1_000
      })
      writer.stdout.resume()
      void over.then(() => {
        deadlineMs = 0
      })
      let count = 0
      // On a busy machine ten checks may take longer.
      while (performance.now() < deadlineMs || count < 10) {
        verdicts.add((await checkStorage(directory)).verdict)
        count += 1
      }
      writer.kill('SIGKILL')
      await over
    }
    expect([...verdicts].filter((verdict) => verdict !== 'torn tail')).toEqual(['sound'])
  })
})

describe('storage show', () => {
  test('prints the records in order', async () => {
    await written()
    const { code, stdout, stderr } = await paxos('storage', 'show', directory)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const rows = stdout.trimEnd().split('\n')
    expect(rows[0]).toMatch(/^ {2}SEGMENT +GROUP +TYPE +INSTANCE +BALLOT +BATCH$/)
    expect(rows.slice(1).map((row) => row.trim().split(/ +/).slice(0, 5).join(' '))).toEqual([
      '1 1 identity - -',
      '1 2 promise - 3.0',
      '1 2 accepted 0 3.0',
      '1 3 chosenAsAccepted 0 -',
      '1 3 promise - 4.0',
      '1 3 accepted 1 4.0',
    ])
    expect(rows.every((row) => row.length < 170)).toBe(true)
  })

  test('prints whole records as JSON', async () => {
    await written()
    const { stdout } = await paxos('storage', 'show', directory, '--json')
    const records = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(records[0]).toEqual({ segment: 1, group: 1, afterHead: false, type: 'identity', identity })
    expect(records[2]).toEqual({
      segment: 1,
      group: 2,
      afterHead: false,
      type: 'accepted',
      ...record(0, 3, 'first'),
    })
    expect(records[3]).toEqual({
      segment: 1,
      group: 3,
      afterHead: false,
      type: 'chosenAsAccepted',
      instance: 0,
    })
  })

  test('marks the records behind head, and reports a torn tail', async () => {
    const head = join(directory, 'log/head')
    let earlier: Buffer | undefined
    await written(async (storage) => {
      await vi.waitFor(async () => expect(await headOffset()).toBe(16_384))
      earlier = await readFile(head)
      await storage.persist(accepting(5))
    })
    await writeFile(head, earlier!)
    await overwrite(segment(), 20_480, Buffer.from('PXG3 and no more'))
    const { code, stdout, stderr } = await paxos('storage', 'show', directory)
    expect(code).toBe(0)
    const rows = stdout.trimEnd().split('\n')
    expect(rows.filter((row) => row.startsWith('+'))).toEqual(rows.slice(-1))
    expect(rows.at(-1)).toMatch(/^\+ 1 +4 +promise +- +5\.0$/)
    expect(stderr).toMatch(/^paxos: the end of the log is torn: log\/00000001\.log, at byte 20480: /)
    expect(await checked()).toMatchObject({
      code: 0,
      json: { head: { group: 3, recordsAfter: 1 }, state: { promised: { round: 5 } } },
    })
  })

  test('prints the records before the damage', async () => {
    await written()
    await flip(segment(), 12_300)
    const { code, stdout, stderr } = await paxos('storage', 'show', directory)
    expect(code).toBe(6)
    expect(stdout.trimEnd().split('\n')).toHaveLength(4)
    expect(stderr).toMatch(/^paxos: \S+: it is damaged: log\/00000001\.log, at byte 12288: /)
  })

  test('ends quietly when its reader closes its end', async () => {
    await written(async (storage) => {
      for (let round = 5; round < 3_000; round += 1) void storage.persist(accepting(round))
    })
    const before = await picture()
    const shown = spawn(process.execPath, [main, 'storage', 'show', directory])
    let stderr = ''
    shown.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    const over = once(shown, 'close')
    await once(shown.stdout, 'data')
    shown.stdout.destroy()
    expect({ over: await over, stderr }).toEqual({ over: [0, null], stderr: '' })
    expect(await picture()).toEqual(before)
  })
})
