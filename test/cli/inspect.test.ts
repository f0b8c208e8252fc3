import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { emptyPicture, pictureAfter, serverIn } from '../../src/inspect/records/picture.ts'
import type { InspectorRecord } from '../../src/inspect/records/record.ts'
import { parseRecords, recordingHead } from '../../src/inspect/records/record-lines.ts'
import type { BuiltPaxos } from '../support/built-paxos.ts'
import { freePorts } from '../support/free-ports.ts'
import { hello, keyframe, step, ToldPage, ToldServer } from '../support/hub.ts'
import { paxos } from './paxos.ts'
import { running } from './running.ts'

const here = running()

async function portOf(paxos: BuiltPaxos): Promise<number> {
  return Number((await paxos.said(/^inspector on http:\/\/127\.0\.0\.1:(\d+)\/#token=[\w-]{20,}$/m))[1])
}

const pictureOf = (records: readonly InspectorRecord[]) => records.reduce(pictureAfter, emptyPicture)

const statesIn = ({ records }: ToldPage) => pictureOf(records).servers.map(({ state }) => state)

describe('paxos cluster --inspect', () => {
  test('shows every server, one that is killed, and that it is there again', async () => {
    const port = await freePorts(3)
    const cluster = here.start('cluster', '--port', `${port}`, '--data', here.data, '--inspect', '0')
    const page = await ToldPage.open({ port: await portOf(cluster) })
    await page.until((page) => statesIn(page).join() === 'up,up,up')
    const servers = [0, 1, 2].map((id) => `127.0.0.1:${port + id}`).join(',')
    expect((await paxos('lock', 'a', '--detach', '--ttl', '1h', '--servers', servers)).code).toBe(0)
    await page.until(({ records }) => pictureOf(records).ledger.rows.length > 0)

    const [, pid] = await cluster.said(/^server 2 ready .*pid (\d+)/m)
    process.kill(Number(pid), 'SIGKILL')
    await page.until((page) => statesIn(page).join() === 'up,up,gone')
    const [, again = ''] = await cluster.said(/^server 2 \(pid \d+\) ended: .*main\.js (node .*)$/m)
    expect(again).toMatch(/--inspect 127\.0\.0\.1:\d+/)
    here.start(...again.split(' '))
    await page.until((page) => statesIn(page).join() === 'up,up,up')
    expect((await paxos('lock', 'b', '--detach', '--ttl', '1h', '--servers', servers)).code).toBe(0)
    // Each lock takes two instances at least: its session is opened first.
    await page.until(({ records }) => (serverIn(pictureOf(records), 0)?.firstUnexecuted ?? 0) >= 4)
    const standingsIn = ({ records }: ToldPage) => pictureOf(records).invariants
    // Nothing is judged from the gap on until the server that came back has told everything.
    await page.until((page) =>
      standingsIn(page).some(({ invariant, standing }) => invariant === 1 && standing === 'holds'),
    )
    expect(standingsIn(page).filter(({ standing }) => standing === 'broken')).toEqual([])
  })

  test('starts without the inspector where its port is taken, and says so', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    try {
      const inspector = (taken.address() as AddressInfo).port
      const port = await freePorts(3)
      const cluster = here.start('cluster', '--port', `${port}`, '--memory', '--inspect', `${inspector}`)
      await cluster.said(/^cluster ready$/m)
      await cluster.said(
        new RegExp(
          `^paxos: the inspector cannot listen on 127.0.0.1:${inspector}: another process has that port; stop it or give another one; the cluster runs without the inspector$`,
          'm',
        ),
      )
    } finally {
      taken.close()
    }
  })
})

describe('paxos inspect', () => {
  test('writes down what servers tell, and shows it again', async () => {
    const file = join(here.data, 'run.ndjson')
    const live = here.start('inspect', '--port', '0', '--record', file)
    const port = await portOf(live)
    const page = await ToldPage.open({ port })
    const server = await ToldServer.connect({ port }, hello(0))
    server.tell([keyframe(0), step(2), step(3)])
    await page.until(({ records }) => (serverIn(pictureOf(records), 0)?.clock ?? 0) === 3)
    live.signal('SIGTERM')
    expect((await live.ended).code).toBe(0)

    const written = parseRecords(await readFile(file, 'utf8'))
    expect(pictureOf(written).servers[0]?.clock).toBe(3)
    expect((await paxos('inspect', '--port', '0', '--record', file)).stderr).toMatch(/exists already/)
    const again = here.start('inspect', file, '--port', '0')
    const shown = await ToldPage.open({ port: await portOf(again) })
    await shown.until(({ records }) => records.length === written.length)
    expect(shown.records).toEqual(written)
    expect(shown.others[0]).toMatchObject({ source: { kind: 'recording', name: 'run.ndjson' } })
  })

  test('refuses a recording of an earlier version by name', async () => {
    const file = join(here.data, 'earlier.ndjson')
    await writeFile(file, '{"kind":"gap","node":0,"incarnation":"a","run":"0.1","count":1}\n')
    const { code, stderr } = await paxos('inspect', file, '--port', '0')
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: `paxos: ${file}: it is a recording of version 1, and this version of paxos shows version 2: show it with the version that wrote it\n`,
    })
  })

  test('names the line of a file that is no record', async () => {
    const file = join(here.data, 'wrong.ndjson')
    const gap = '{"kind":"gap","node":0,"incarnation":"a","run":"0.1","count":1}'
    await writeFile(file, `${recordingHead}\n${gap}\n{"kind":"gap"}\n`)
    const { code, stderr } = await paxos('inspect', file, '--port', '0')
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: `paxos: ${file}: line 3 is not a record of the inspector: gap/node: Expected required property\n`,
    })
  })

  test('says of a server that is expected, and tells nothing, how it is to be started', async () => {
    const port = await freePorts(1)
    const address = `127.0.0.1:${port}`
    const node = here.start('node', '--id', '0', '--members', `0=${address}`, '--memory', '--bootstrap')
    await node.said(/^server 0 ready/m)
    const inspector = here.start('inspect', '--port', '0', '--servers', address)
    const hub = await portOf(inspector)
    const page = await ToldPage.open({ port: hub })
    await page.until(({ records }) => records.length > 0)
    expect(page.records[0]).toMatchObject({
      kind: 'process',
      node: 0,
      state: 'silent',
      reason: `it runs, but does not report: start it with --inspect 127.0.0.1:${hub}`,
    })
  })
})
