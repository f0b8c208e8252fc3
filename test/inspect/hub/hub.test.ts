import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { nothingDurable } from '../../../src/core/durable.ts'
import type { Hub } from '../../../src/inspect/hub/hub.ts'
import { RecordWriter } from '../../../src/inspect/hub/record-file.ts'
import type { ControlCommand } from '../../../src/inspect/records/control.ts'
import { emptyPicture, type Picture, pictureAfter } from '../../../src/inspect/records/picture.ts'
import type { InspectorRecord } from '../../../src/inspect/records/record.ts'
import { parseRecords, recordingHead } from '../../../src/inspect/records/record-lines.ts'
import { hello, keyframe, step, ToldPage, ToldServer, withHub } from '../../support/hub.ts'

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'paxos-hub-'))
  await writeFile(join(folder, 'index.html'), '<p>page</p>')
  await writeFile(join(folder, 'app.js'), 'run()')
  await writeFile(join(folder, 'app.css'), 'p {}')
  await writeFile(join(folder, 'THIRD-PARTY-NOTICES.txt'), 'notices')
  await writeFile(join(folder, 'secret.txt'), 'secret')
})
afterAll(() => rm(folder, { recursive: true }))

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Buffer
}

/** Asks as no browser would: the path goes out as it is, and so does the name of the host. */
async function ask(
  hub: Hub,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  method = 'GET',
): Promise<Answer> {
  const asked = request({ host: '127.0.0.1', port: hub.port, path, headers, method, agent: false })
  asked.end()
  const [response] = await once(asked, 'response')
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  return { status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks) }
}

describe('the page', () => {
  test('is served with its two files, and with headers that keep it to itself', () =>
    withHub({ pageFolder: folder }, async (hub) => {
      const page = await ask(hub, '/')
      expect(page.status).toBe(200)
      expect(page.body.toString()).toBe('<p>page</p>')
      expect(page.headers).toMatchObject({
        'content-security-policy': expect.stringMatching(
          /^default-src 'none'; script-src 'self'; style-src 'self'; .*frame-ancestors 'none'$/,
        ),
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'cache-control': 'no-cache',
        'content-type': 'text/html; charset=utf-8',
      })
      const script = await ask(hub, '/app.js', { 'accept-encoding': 'gzip' })
      expect(gunzipSync(script.body).toString()).toBe('run()')
      const notices = await ask(hub, '/THIRD-PARTY-NOTICES.txt')
      expect(notices.body.toString()).toBe('notices')
      expect(notices.headers['content-type']).toBe('text/plain; charset=utf-8')
      const { etag } = script.headers
      const again = await ask(hub, '/app.js', { 'if-none-match': String(etag) })
      expect({ status: again.status, bytes: again.body.length }).toEqual({ status: 304, bytes: 0 })
    }))

  test.each([
    '/secret.txt',
    '/../secret.txt',
    '/%2e%2e/secret.txt',
    '//secret.txt',
    '/model/picture.js',
    '/index.html/',
    '/constructor',
    '/__proto__',
  ])('nothing else is: %s', (path) =>
    withHub({ pageFolder: folder }, async (hub) => {
      expect((await ask(hub, path)).status).toBe(404)
    }))

  test('only reading is answered, and only under the names of this machine', () =>
    withHub({ pageFolder: folder }, async (hub) => {
      expect((await ask(hub, '/', {}, 'POST')).status).toBe(405)
      for (const host of [
        'evil.example',
        `evil.example:${hub.port}`,
        '127.0.0.1',
        `127.0.0.1:${hub.port + 1}`,
      ]) {
        expect({ host, status: (await ask(hub, '/', { host })).status }).toEqual({ host, status: 403 })
      }
      for (const host of ['localhost', '127.0.0.1', '[::1]']) {
        expect((await ask(hub, '/', { host: `${host}:${hub.port}` })).status).toBe(200)
      }
    }))

  test('says what to do where it was not built', () =>
    withHub({}, async (hub) => {
      const { status, body } = await ask(hub, '/')
      expect({ status, body: body.toString() }).toEqual({
        status: 503,
        body: expect.stringContaining('npm run build'),
      })
    }))
})

/** The status with which an upgrade is refused; 101 when it is not. */
async function upgrade(hub: Hub, path: string, headers: Record<string, string>): Promise<number> {
  const socket = new WebSocket(`ws://127.0.0.1:${hub.port}${path}`, { headers })
  const status = await new Promise<number>((resolve) => {
    socket.on('unexpected-response', (_, response) => resolve(response.statusCode ?? 0))
    socket.on('open', () => resolve(101))
    socket.on('error', () => undefined)
  })
  socket.terminate()
  return status
}

describe('a WebSocket', () => {
  test('of a page is taken from an own page only', () =>
    withHub({}, async (hub) => {
      const own = `http://127.0.0.1:${hub.port}`
      expect(await upgrade(hub, '/pages', { origin: own })).toBe(101)
      expect(await upgrade(hub, '/pages', { origin: `http://localhost:${hub.port}` })).toBe(101)
      expect(await upgrade(hub, '/pages', {})).toBe(403)
      expect(await upgrade(hub, '/pages', { origin: 'http://evil.example' })).toBe(403)
      expect(await upgrade(hub, '/pages', { origin: `https://127.0.0.1:${hub.port}` })).toBe(403)
      expect(await upgrade(hub, '/pages', { origin: own, host: `evil.example:${hub.port}` })).toBe(403)
    }))

  test('of a server is not taken from a page', () =>
    withHub({}, async (hub) => {
      expect(await upgrade(hub, '/servers', {})).toBe(101)
      expect(await upgrade(hub, '/servers', { origin: `http://127.0.0.1:${hub.port}` })).toBe(403)
      expect(await upgrade(hub, '/servers', { host: `evil.example:${hub.port}` })).toBe(403)
      expect(await upgrade(hub, '/else', {})).toBe(404)
    }))
})

describe('control', () => {
  const command: ControlCommand = { type: 'pause', node: 1 }

  test('needs the token of the printed address, and a cluster that allows faults', async () => {
    const done: ControlCommand[] = []
    const control = async (asked: ControlCommand) => {
      done.push(asked)
      return { ok: true, text: 'paused' } as const
    }
    await withHub({ control }, async (hub) => {
      const token = /#token=(.+)$/.exec(hub.url)?.[1] ?? ''
      const page = await ToldPage.open(hub)
      const notAllowed = { ok: false, error: expect.stringContaining('--allow-faults') }
      expect(await page.control(command, token)).toEqual(notAllowed)
      await ToldServer.connect(hub, hello(0))
      await page.until(({ records }) => records.some(({ kind }) => kind === 'cluster'))
      expect(await page.control(command, token)).toEqual(notAllowed)
      // One that is started with it is enough, in any order.
      await ToldServer.connect(hub, hello(1, { allowsFaults: true }))
      await page.until(({ records }) => records.some((one) => one.kind === 'cluster' && one.allowsFaults))
      const wrong = { ok: false, error: expect.stringContaining('token') }
      expect(await page.control(command, 'guessed')).toEqual(wrong)
      expect(await page.control(command, '')).toEqual(wrong)
      expect(done).toEqual([])
      expect(await page.control(command, token)).toEqual({ ok: true, text: 'paused' })
      expect(done).toEqual([command])
    })
  })
})

const serverRecords = (records: readonly InspectorRecord[]) =>
  records.flatMap((record) => (record.kind === 'server' ? [`${record.node} ${record.record.clock}`] : []))

describe('what servers tell', () => {
  test('is shown in the order in which it can have happened, the cluster first', () =>
    withHub({}, async (hub) => {
      const page = await ToldPage.open(hub)
      const [first, second] = await Promise.all([0, 1].map((node) => ToldServer.connect(hub, hello(node))))
      // What server 1 heard at clock 4 comes to the hub before what server 0 said at clock 3.
      second?.tell([keyframe(1, { clock: 1 }), step(4), step(7)])
      first?.tell([keyframe(0, { clock: 2 }), step(3), step(6), step(8)])
      await page.until(({ records }) => serverRecords(records).length === 7)
      expect(serverRecords(page.records)).toEqual(['1 1', '0 2', '0 3', '1 4', '0 6', '1 7', '0 8'])
      expect(page.records[0]).toMatchObject({ kind: 'cluster', cluster: 'test', allowsFaults: false })
    }))

  test('is known by its address in one spelling', () =>
    withHub({}, async (hub) => {
      const page = await ToldPage.open(hub)
      const server = await ToldServer.connect(hub, hello(0, { address: '[::FFFF:127.0.0.1]:31190' }))
      server.tell([keyframe(0)])
      await page.until(({ records }) => serverRecords(records).length === 1)
      expect(hub.servers.map((known) => known.hello.address)).toEqual(['127.0.0.1:31190'])
    }))

  test('leaves a gap where records are missing, or are none', () =>
    withHub({}, async (hub) => {
      const page = await ToldPage.open(hub)
      const server = await ToldServer.connect(hub, hello(0))
      server.tell([keyframe(0)], 5)
      server.tell([keyframe(0, { clock: 2 })], 7)
      server.tell([step(3), { ...step(4), facts: 'none' } as never, step(5)])
      await page.until(({ records }) => serverRecords(records).length === 4)
      const seen = page.records.flatMap((record) => {
        if (record.kind === 'gap') return [`gap ${record.count}`]
        return record.kind === 'server' ? [`${record.record.clock}`] : []
      })
      expect(seen).toEqual(['1', 'gap 7', '2', '3', 'gap 1', '5'])
      expect(hub.counters.malformed).toBe(1)
    }))

  test('of another cluster is not shown', () =>
    withHub({}, async (hub) => {
      await ToldServer.connect(hub, hello(0))
      const other = await ToldServer.connect(hub, hello(1, { cluster: 'other' }))
      const [code, reason] = await once(other.socket, 'close')
      expect({ code, reason: String(reason) }).toEqual({
        code: 1008,
        reason: 'this inspector shows the cluster test',
      })
    }))

  test('ends when it dies, and begins when it is there again', () =>
    withHub({}, async (hub) => {
      const page = await ToldPage.open(hub)
      const first = await ToldServer.connect(hub, hello(0))
      first.tell([keyframe(0)])
      await page.until(({ records }) => serverRecords(records).length === 1)
      first.socket.terminate()
      await page.until(({ records }) => records.some((one) => one.kind === 'process' && one.state === 'gone'))
      const again = await ToldServer.connect(hub, hello(0, { run: 'again' }))
      // It counts anew.
      again.tell([keyframe(0, { clock: 1 })])
      await page.until(({ records }) => serverRecords(records).length === 2)
      const seen = page.records.flatMap((record) => {
        if (record.kind === 'process') return [record.state]
        return record.kind === 'server' ? [record.run] : []
      })
      expect(seen).toEqual(['up', 'run-0', 'gone', 'up', 'again'])
      expect(page.records.reduce(pictureAfter, emptyPicture).servers[0]).toMatchObject({
        state: 'up',
        run: 'again',
      })
      expect(hub.counters.servers).toBe(1)
    }))

  test('of any kind, breaks nothing', () =>
    withHub({}, async (hub) => {
      const page = await ToldPage.open(hub)
      const durable = nothingDurable
      const sound = [keyframe(0), step(2, { facts: [{ type: 'synced', node: 0, durable }] })]
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.oneof(fc.jsonValue(), damaged(sound)), { maxLength: 6 }),
          async (said) => {
            const server = await ToldServer.connect(hub, hello(0))
            for (const message of said) {
              server.say(message)
              server.say({ type: 'server.records', leftOut: 0, records: [message] })
            }
            server.tell(sound)
            server.socket.close()
            await closed(server.socket)
          },
        ),
        { numRuns: 60 },
      )
      const stranger = new WebSocket(`ws://127.0.0.1:${hub.port}/servers`)
      await once(stranger, 'open')
      stranger.send(Buffer.from([0, 1, 2]))
      await closed(stranger)
      await page.until(({ records }) => serverRecords(records).length >= 120)
      expect(hub.counters.malformed).toBeGreaterThan(50)
      const last = page.records.reduce(pictureAfter, emptyPicture)
      expect(last.servers.map(({ node }) => node)).toEqual([0, 1, 2])
      expect(last.invariants.map(({ standing }) => standing)).not.toContain('broken')
    }))
})

/** The connection has ended, be it by a reset: the hub terminates those that send what is no message. */
function closed(socket: WebSocket): Promise<void> {
  socket.on('error', () => undefined)
  return new Promise((resolve) => socket.once('close', () => resolve()))
}

/** A record in which one part, somewhere, is something else. */
function damaged(records: readonly object[]): fc.Arbitrary<unknown> {
  return fc.tuple(fc.constantFrom(...records), fc.nat(), fc.jsonValue()).map(([record, place, value]) => {
    const copy = structuredClone(record)
    const spots: [Record<string, unknown>, string][] = []
    const walk = (node: unknown) => {
      if (typeof node !== 'object' || node === null) return
      for (const key of Object.keys(node)) {
        spots.push([node as Record<string, unknown>, key])
        walk((node as Record<string, unknown>)[key])
      }
    }
    walk(copy)
    const [node, key] = spots[place % spots.length] ?? [{}, '']
    // A number that a field takes could make a record that contradicts another one: the hub would be right to report that.
    node[key] = typeof value === 'number' ? -1 - Math.abs(value) : value
    return copy
  })
}

describe('a page that comes late', () => {
  test('is shown where all stand, though the beginning is forgotten', () =>
    withHub({ limits: { records: 40, characters: 1_000_000, bytes: 1_000_000_000 } }, async (hub) => {
      const early = await ToldPage.open(hub)
      const servers = await Promise.all([0, 1, 2].map((node) => ToldServer.connect(hub, hello(node))))
      for (const [node, server] of servers.entries()) server.tell([keyframe(node, { clock: node + 1 })])
      servers[2]?.socket.close()
      const promised = { round: 1, node: 0 }
      const durable = { ...nothingDurable, promised }
      const steps = Array.from({ length: 100 }, (_, index) =>
        step(10 + index, { facts: [{ type: 'synced', node: 0, durable }] }),
      )
      for (let told = 0; told < steps.length; told += 20) {
        servers[0]?.tell(steps.slice(told, told + 20))
        await early.until(({ records }) => serverRecords(records).length === 3 + told + 20)
      }
      const late = await ToldPage.open(hub)
      await late.until(({ records }) => serverRecords(records).at(-1) === '0 109')
      expect(late.records.length).toBeLessThan(60)
      expect(late.records[0]?.kind).toBe('cluster')
      const [full, short] = [early, late].map(({ records }) => records.reduce(pictureAfter, emptyPicture))
      // Of which moments heads can be compared is known of what was seen.
      const withoutSamples = ({ servers, ...rest }: Picture) => ({
        ...rest,
        servers: servers.map((server) => ({ ...server, samples: [] })),
      })
      expect(withoutSamples(short!)).toEqual(withoutSamples(full!))
    }))

  test('that reads nothing costs no memory: it is let go, and may come again', () =>
    withHub({ limits: { records: 2_000, characters: 100_000_000, bytes: 1_000_000_000 } }, async (hub) => {
      const slow = await ToldPage.open(hub)
      await slow.until(({ others }) => others.length === 1)
      slow.socket.pause()
      const quick = await ToldPage.open(hub)
      const server = await ToldServer.connect(hub, hello(0))
      server.tell([keyframe(0)])
      const long = 'x'.repeat(3_000)
      let clock = 2
      const tellMore = () => {
        const moves = (event: string) => [{ role: 'acceptor' as const, event, edges: [], state: long }]
        server.tell(Array.from({ length: 800 }, () => step(clock++, { moves: moves(`${clock} ${long}`) })))
      }
      for (let batch = 0; batch < 8; batch += 1) {
        tellMore()
        await quick.until(({ records }) => serverRecords(records).at(-1) === `0 ${clock - 1}`)
      }
      const closed = once(slow.socket, 'close')
      slow.socket.resume()
      const [code] = await closed
      expect(code).toBe(1013)
      expect(serverRecords(quick.records)).toHaveLength(6_401)
    }))
})

describe('a recording', () => {
  test('is shown again to the same picture, also with its last line cut short', async () => {
    const path = join(folder, 'run.ndjson')
    const failures: Error[] = []
    const writer = new RecordWriter(path, (error) => failures.push(error))
    let seen: InspectorRecord[] = []
    await withHub({ writer }, async (hub) => {
      const page = await ToldPage.open(hub)
      const server = await ToldServer.connect(hub, hello(0))
      server.tell([keyframe(0), step(2), step(3)])
      await page.until(({ records }) => serverRecords(records).length === 3)
      seen = page.records
    })
    await writer.close()
    expect(failures).toEqual([])
    const text = await readFile(path, 'utf8')
    const written = parseRecords(text)
    expect(written.slice(0, seen.length)).toEqual(seen)
    expect(parseRecords(`${text}{"kind":"serv`)).toEqual(written)
    expect(() => parseRecords(`${text}{"kind":"serv\n${text}`)).toThrow(
      new RegExp(`line ${written.length + 2} is not JSON`),
    )
    expect(() => parseRecords(`${recordingHead}\n{"kind":"nothing"}\n`)).toThrow(
      /line 2 is not a record of the inspector.*"nothing"/,
    )
    expect(() => new RecordWriter(path, () => undefined)).toThrow(/EEXIST/)
    await withHub({ recording: { name: 'run.ndjson', records: written } }, async (hub) => {
      const page = await ToldPage.open(hub)
      await page.until(({ records }) => records.length === written.length)
      expect(page.others).toMatchObject([{ source: { kind: 'recording', name: 'run.ndjson' } }])
      expect(page.records.reduce(pictureAfter, emptyPicture)).toEqual(
        written.reduce(pictureAfter, emptyPicture),
      )
      expect(await upgrade(hub, '/servers', {})).toBe(404)
    })
  })
})
