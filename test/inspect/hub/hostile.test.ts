/** The hub against those who mean it ill, and against servers that are not of the cluster that it shows. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as pass } from 'node:timers/promises'
import { afterEach, describe, expect, test } from 'vitest'
import type { Hub } from '../../../src/inspect/hub/hub.ts'
import { emptyPicture, pictureAfter } from '../../../src/inspect/records/picture.ts'
import type { Refusal } from '../../../src/inspect/records/protocol.ts'
import type { InspectorRecord } from '../../../src/inspect/records/record.ts'
import { founders, hello, keyframe, step, ToldPage, ToldServer, withHub } from '../../support/hub.ts'

const sockets: Socket[] = []
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy()
})

/** A WebSocket of somebody who keeps to no rule: it answers nothing, and closes nothing. */
async function stranger(hub: Pick<Hub, 'port'>): Promise<Socket> {
  const socket = connect(hub.port, '127.0.0.1')
  sockets.push(socket)
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  socket.write(
    [
      'GET /servers HTTP/1.1',
      `Host: 127.0.0.1:${hub.port}`,
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
      '\r\n',
    ].join('\r\n'),
  )
  await once(socket, 'data')
  return socket
}

/** The beginning of a text frame of `length` bytes, without a mask that would change it, and so many bytes of it. */
function frame(length: number, sent: string): Buffer {
  const head = Buffer.alloc(14)
  head[0] = 0x81
  head[1] = 0x80 | 127
  head.writeBigUInt64BE(BigInt(length), 2)
  return Buffer.concat([head, Buffer.from(sent)])
}

/** True when the hub ends the connection within so many milliseconds. */
async function endsWithin(socket: Socket, ms: number): Promise<boolean> {
  if (socket.closed) return true
  return Promise.race([once(socket, 'close').then(() => true), pass(ms).then(() => false)])
}

const kinds = (records: readonly InspectorRecord[]) => records.map(({ kind }) => kind)

describe('memory', () => {
  test('holds little of what comes before a hello, from however many', () =>
    withHub({}, async (hub) => {
      const many = await Promise.all(Array.from({ length: 40 }, () => stranger(hub)))
      for (const socket of many) socket.write(frame(16 * 1024 * 1024 - 1, 'x'.repeat(200_000)))
      const ended = await Promise.all(many.map((socket) => endsWithin(socket, 2_000)))
      expect(ended.filter((one) => one)).toHaveLength(40)
      expect(hub.counters.ended).toBe(40)
      const page = await ToldPage.open(hub)
      const honest = await ToldServer.connect(hub, hello(0))
      honest.tell([keyframe(0)])
      await page.heard(({ kind }) => kind === 'server')
    }))

  test('holds a bounded amount of messages without their end, of servers too', () =>
    withHub({}, async (hub) => {
      const page = await ToldPage.open(hub)
      const half = 'x'.repeat(6_000_000)
      const many: Socket[] = []
      for (let node = 1; node <= 8; node += 1) {
        const socket = await stranger(hub)
        const text = JSON.stringify(hello(node))
        socket.write(frame(text.length, text))
        many.push(socket)
      }
      await page.until(({ records }) => kinds(records).filter((kind) => kind === 'process').length === 8)
      for (const socket of many) socket.write(frame(7_900_000, half))
      await page.heard((record) => record.kind === 'process' && record.state === 'gone')
      await expect.poll(() => hub.counters.servers, { timeout: 5_000 }).toBeLessThanOrEqual(5)
      expect(hub.counters.servers).toBeGreaterThan(0)
    }))

  test('is not held for somebody who was turned away, until he closes', () =>
    withHub({}, async (hub) => {
      const socket = await stranger(hub)
      socket.write(frame(4, 'null'))
      expect(await endsWithin(socket, 1_000)).toBe(true)
      expect(hub.counters.malformed).toBe(1)
    }))

  test('is held for a bounded number of those who say nothing, and the honest come in', () =>
    withHub({}, async (hub) => {
      const silent: Socket[] = []
      for (let count = 0; count < 30; count += 1) silent.push(await stranger(hub))
      await expect.poll(() => silent.filter(({ closed }) => closed).length, { timeout: 3_000 }).toBe(14)
      const page = await ToldPage.open(hub)
      await ToldServer.connect(hub, hello(0))
      await page.heard(({ kind }) => kind === 'process')
    }))

  test('is held of a bounded number of servers, under any names', () =>
    withHub({}, async (hub) => {
      for (let node = 0; node < 70; node += 1) {
        const server = await ToldServer.connect(hub, hello(node))
        if (node < 64) server.socket.terminate()
      }
      await expect.poll(() => hub.counters.servers, { timeout: 3_000 }).toBeLessThanOrEqual(1)
      // One that was seen before may come again.
      await ToldServer.connect(hub, hello(3))
      await expect.poll(() => hub.counters.servers, { timeout: 3_000 }).toBe(1)
    }))

  test('is not held of a record that is larger than any that a server sends: it is refused and counted', () =>
    withHub({}, async (hub) => {
      const page = await ToldPage.open(hub)
      const server = await ToldServer.connect(hub, hello(0))
      const roles = keyframe(0).roles
      const swelling = { state: 'listening', context: Array.from({ length: 80_000 }, () => ({})) }
      server.tell([keyframe(0)])
      server.tell([keyframe(0, { roles: { ...roles, acceptor: swelling } }), step(7)])
      await page.heard((record) => record.kind === 'server' && record.record.clock === 7)
      expect(hub.counters.malformed).toBe(1)
      expect(kinds(page.records)).toContain('gap')
      const keyframes = page.records.filter((one) => one.kind === 'server' && one.record.kind === 'keyframe')
      expect(keyframes).toHaveLength(1)
    }))

  test('is held within a limit of records that swell, and a page that opens later is sent no more', () =>
    withHub({}, async (hub) => {
      const swelling = { state: 'listening', context: Array.from({ length: 60_000 }, () => ({})) }
      const roles = { ...keyframe(0).roles, acceptor: swelling }
      const servers = await Promise.all(
        Array.from({ length: 50 }, (_, node) => ToldServer.connect(hub, hello(node))),
      )
      for (const [node, server] of servers.entries()) server.tell([keyframe(node, { roles })])
      // Of each server that it came, and its keyframe.
      await expect.poll(() => hub.counters.records, { timeout: 20_000 }).toBeGreaterThan(100)
      for (const { socket } of servers) socket.terminate()
      await expect.poll(() => hub.counters.servers).toBe(0)
      const page = await ToldPage.open(hub)
      await page.until(
        ({ records }) =>
          records.filter((one) => one.kind === 'process' && one.state === 'gone').length === 50,
      )
      expect(hub.counters.malformed).toBe(0)
      const told = page.records.filter((one) => one.kind === 'server').length
      expect(told).toBeGreaterThan(5)
      expect(told).toBeLessThan(45)
    }))

  test('a page that says what no page says is let go', () =>
    withHub({}, async (hub) => {
      const page = await ToldPage.open(hub)
      page.socket.send('x'.repeat(200_000))
      await once(page.socket, 'close')
    }))
})

const other = { cluster: 'other', founders: founders.map((one) => ({ ...one, incarnation: `o${one.id}` })) }
const tokenOf = (hub: Hub) => /#token=(.+)$/.exec(hub.url)?.[1] ?? ''
const refusalsOf = (page: ToldPage) =>
  page.others.flatMap((said) => (said.type === 'hub.refusals' ? [said.refusals] : [])).at(-1) ?? []

describe('a hub that somebody of another cluster found first', () => {
  test('refuses the honest as long as he is there, says so, and takes them when he is gone', async () => {
    const refused: Refusal[] = []
    await withHub({ forgottenAfterMs: 300, onRefused: (refusal) => refused.push(refusal) }, async (hub) => {
      const page = await ToldPage.open(hub)
      const stray = await ToldServer.connect(hub, hello(9, other))
      stray.tell([keyframe(9)])
      await page.heard(({ kind }) => kind === 'server')
      const honest = await ToldServer.connect(hub, hello(0))
      const [code, reason] = await once(honest.socket, 'close')
      expect([code, String(reason)]).toEqual([1008, 'this inspector shows the cluster other'])
      await page.until(() => refusalsOf(page).length === 1)
      expect(refusalsOf(page)).toMatchObject([{ cluster: 'test', node: 0, count: 1 }])
      expect(refused).toMatchObject([{ cluster: 'test', node: 0, count: 1, address: '127.0.0.1:31190' }])
      stray.socket.terminate()
      await page.heard((record) => record.kind === 'process' && record.state === 'gone')
      // What was seen of a cluster is not lost at once by a restart of its servers.
      const soon = await ToldServer.connect(hub, hello(0))
      expect(String((await once(soon.socket, 'close'))[1])).toMatch(
        /for 1 s more if none of its servers comes/,
      )
      await pass(350)
      const before = page.records.length
      await ToldServer.connect(hub, hello(0))
      await page.until(({ records }) => kinds(records.slice(before)).includes('process'))
      expect(page.others.filter(({ type }) => type === 'hub.welcome')).toHaveLength(2)
      const shown = page.records.slice(before).reduce(pictureAfter, emptyPicture)
      expect(shown.cluster?.cluster).toBe('test')
      expect(shown.servers.map(({ node }) => node)).toEqual([0, 1, 2])
      await page.until(() => refusalsOf(page).length === 0)
      expect(hub.counters.refused).toBe(2)
    })
  })

  test('shows the cluster that a page chooses, though he stays', () =>
    withHub({}, async (hub) => {
      const page = await ToldPage.open(hub)
      const stray = await ToldServer.connect(hub, hello(9, other))
      const honest = await ToldServer.connect(hub, hello(0))
      await once(honest.socket, 'close')
      await page.until(() => refusalsOf(page).length === 1)
      const [refusal] = refusalsOf(page)
      const command = { type: 'cluster', key: refusal?.key ?? '' } as const
      expect(await page.control(command, 'guessed')).toMatchObject({ ok: false })
      expect(await page.control({ ...command, key: 'none' }, tokenOf(hub))).toMatchObject({ ok: false })
      expect(await page.control(command, tokenOf(hub))).toMatchObject({ ok: true })
      await once(stray.socket, 'close')
      const again = await ToldServer.connect(hub, hello(9, other))
      expect(String((await once(again.socket, 'close'))[1])).toBe('another cluster was chosen on the page')
      await ToldServer.connect(hub, hello(0))
      await page.heard((record) => record.kind === 'cluster' && record.cluster === 'test')
      await expect.poll(() => hub.counters.servers).toBe(1)
    }))

  test('that has servers of its own waits for them', () =>
    withHub({ forgottenAfterMs: 0 }, async (hub) => {
      hub.expect(['127.0.0.1:31190'])
      const stray = await ToldServer.connect(hub, hello(9, { ...other, address: '127.0.0.1:1' }))
      await once(stray.socket, 'close')
      await ToldServer.connect(hub, hello(0))
      await expect.poll(() => hub.counters.servers).toBe(1)
      // A server that joined it is of the same cluster.
      await ToldServer.connect(hub, hello(3, { address: '127.0.0.1:2' }))
      await expect.poll(() => hub.counters.servers).toBe(2)
    }))

  test('tells a cluster that was founded anew from the one before it', () =>
    withHub({ forgottenAfterMs: 0 }, async (hub) => {
      const page = await ToldPage.open(hub)
      const first = await ToldServer.connect(hub, hello(0))
      first.tell([keyframe(0, { firstUnexecuted: 40 })])
      await page.heard(({ kind }) => kind === 'server')
      first.socket.terminate()
      await page.heard((record) => record.kind === 'process' && record.state === 'gone')
      const before = page.records.length
      const anew = founders.map((one) => ({ ...one, incarnation: `anew-${one.id}` }))
      const second = await ToldServer.connect(hub, hello(0, { founders: anew, incarnation: 'anew-0' }))
      second.tell([keyframe(0), step(2)])
      await page.until(({ records }) => kinds(records.slice(before)).includes('server'))
      expect(page.records.slice(before).reduce(pictureAfter, emptyPicture).servers[0]).toMatchObject({
        incarnation: 'anew-0',
        firstUnexecuted: 0,
      })
      // A page that was told of both, as from a file, shows nothing of the first either.
      expect(page.records.reduce(pictureAfter, emptyPicture).servers[0]).toMatchObject({ firstUnexecuted: 0 })
    }))
})

test(
  'a process that is stopped is shown so, though its connection stays, and goes on',
  () =>
    withHub({}, async (hub) => {
      const page = await ToldPage.open(hub)
      const server = await ToldServer.connect(hub, hello(0))
      server.tell([keyframe(0)])
      await page.heard(({ kind }) => kind === 'server')
      server.socket.pause()
      await page.heard((record) => record.kind === 'process' && record.state === 'paused')
      expect(page.records.reduce(pictureAfter, emptyPicture).servers[0]).toMatchObject({
        state: 'paused',
        reason: expect.stringContaining('does not answer'),
      })
      server.socket.resume()
      await page.heard((record) => record.kind === 'process' && record.state === 'resumed')
      expect(page.records.reduce(pictureAfter, emptyPicture).servers[0]).toMatchObject({ state: 'up' })
    }),
  20_000,
)
