/** What was recorded of a cluster shows the same picture as the cluster itself did. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connect } from '../../../src/client/index.ts'
import { BuiltPaxos } from '../../support/built-paxos.ts'
import { freePorts } from '../../support/free-ports.ts'
import { inBrowser, screenshotFolder } from './in-browser.ts'
import { Parts } from './page-parts.ts'

await inBrowser('a recording', (open) => {
  const running: BuiltPaxos[] = []
  let folder: string
  let port: number

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'paxos-recorded-'))
    port = await freePorts(5)
  })

  afterAll(async () => {
    for (const process of running) process.signal('SIGTERM')
    await Promise.all(running.map((process) => process.endedWithin(20_000)))
    await rm(folder, { recursive: true, force: true })
  })

  function start(...args: string[]): BuiltPaxos {
    const started = new BuiltPaxos(args)
    running.push(started)
    return started
  }

  test('is shown as the cluster was shown, at every place', async () => {
    const file = join(folder, 'recording.ndjson')
    const hub = start('inspect', '--port', `${port + 3}`, '--record', file)
    const [, liveUrl] = await hub.said(/inspector on (http:\S+)/)
    const ids = [0, 1, 2]
    const members = ids.map((id) => `${id}=127.0.0.1:${port + id}`).join(',')
    await Promise.all(
      ids.map((id) => {
        const where = ['--listen', `127.0.0.1:${port + id}`, '--data', join(folder, `${id}`)]
        const server = ['--id', `${id}`, '--members', members, '--bootstrap', ...where]
        return start('node', ...server, '--inspect', `127.0.0.1:${port + 3}`).said(/ready on/)
      }),
    )
    const client = connect({ servers: ids.map((id) => `127.0.0.1:${port + id}`) })
    for (const name of ['one', 'two', 'three']) await (await client.locks.acquire(name)).release()
    await client.close()

    const live = new Parts((await open(liveUrl!)).page)
    const ledger = await live.open('Ledger')
    await ledger.getByText('unlock three').first().waitFor()
    const places = await placesOf(live)
    const shown = await picturesAt(live, places)

    await live.page.close()
    hub.signal('SIGTERM')
    await hub.endedWithin(20_000)
    const replay = start('inspect', file, '--port', `${port + 4}`)
    const [, replayUrl] = await replay.said(/inspector on (http:\S+)/)
    const recorded = new Parts((await open(replayUrl!)).page)
    await recorded.page.getByText('recording recording.ndjson').waitFor()
    await expect.poll(async () => (await recorded.place()).all).toBeGreaterThanOrEqual(places.at(-1)!)
    expect((await recorded.place()).shown).toBe(0)
    expect(await picturesAt(recorded, places)).toEqual(shown)
    expect(shown.at(-1)?.ledger).toContain('lock three')
    expect(shown[0]).not.toEqual(shown.at(-1))
    await recorded.page.screenshot({ path: join(screenshotFolder, 'recorded.png') })
  })

  /** Some, from near the beginning to what is there now. */
  async function placesOf(parts: Parts): Promise<readonly number[]> {
    const { all } = await parts.place()
    return [0.25, 0.5, 0.75, 1].map((part) => Math.floor(all * part))
  }

  async function picturesAt(parts: Parts, places: readonly number[]) {
    const pictures: Awaited<ReturnType<Parts['picture']>>[] = []
    for (const place of places) {
      await parts.scrubTo(place)
      await parts.page
        .locator('.place')
        .filter({ hasText: new RegExp(`^${place} of `) })
        .waitFor()
      pictures.push(await parts.picture())
    }
    return pictures
  }
})
