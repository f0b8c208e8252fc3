/** The live page under what a hub may send it: much, and nonsense. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pass } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildPage } from '../../../scripts/build-inspector.ts'
import type { InspectorRecord } from '../../../src/inspect/records/record.ts'
import { busyRecords } from './busy-cluster.ts'
import { inBrowser, screenshotFolder, type WatchedPage } from './in-browser.ts'
import { Parts } from './page-parts.ts'
import { ScriptedHub } from './served.ts'

const updatesPerSecond = 60
const seconds = 4

await inBrowser('the live page', (open) => {
  let folder: string
  let hub: ScriptedHub
  let records: readonly InspectorRecord[]

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'paxos-page-'))
    await buildPage('live', folder)
    hub = await ScriptedHub.start(folder)
    records = busyRecords(5, 1_500)
  })

  afterAll(async () => {
    await hub?.close()
    await rm(folder, { recursive: true, force: true })
  })

  async function connected(): Promise<WatchedPage & { readonly parts: Parts }> {
    const watched = await open(hub.url)
    await watched.page.getByText('No server has reported yet. Start servers').waitFor()
    return { ...watched, parts: new Parts(watched.page) }
  }

  test('sixty updates a second from five servers leave time for frames', async () => {
    const { parts, cpuMs } = await connected()
    const idleMs = await cpuMs()
    const watching = parts.page.evaluate(countFrames, seconds * 1_000)
    const batch = Math.ceil(records.length / (updatesPerSecond * seconds))
    const begun = performance.now()
    for (let sent = 0; sent * batch < records.length; sent += 1) {
      hub.say({ type: 'hub.records', records: records.slice(sent * batch, (sent + 1) * batch) })
      await pass(Math.max(0, begun + ((sent + 1) * 1_000) / updatesPerSecond - performance.now()))
    }
    const frames = await watching
    const share = ((await cpuMs()) - idleMs) / (performance.now() - begun)
    await parts.page.screenshot({ path: join(screenshotFolder, 'busy.png') })
    // Nothing is left out, and the page shows the last of them.
    await parts.page
      .locator('.place')
      .filter({ hasText: `${records.length} of ${records.length}` })
      .waitFor()
    expect(share, `${frames} frames in ${seconds} s`).toBeLessThan(0.7)
  })

  test('what is no record breaks nothing, and is counted', async () => {
    const { parts } = await connected()
    hub.say('no JSON')
    hub.say('{"type":"hub.records","records":{}}')
    hub.say('{"type":"hub.records","records":[null,7,"x",{},{"kind":"server"},{"kind":"server","node":0}]}')
    hub.say('{"type":"hub.result","id":99,"result":null}')
    hub.say('{"type":"something else"}')
    hub.say({ type: 'hub.records', records: records.slice(0, 200) })
    await parts.token(4, 'acceptor', 'listening').waitFor()
    await parts.page.getByText('6 unreadable').waitFor()
  })

  test('a hub that is gone is said to be, and found again', async () => {
    const { page, parts, faults } = await connected()
    hub.say({ type: 'hub.records', records: records.slice(0, 200) })
    await parts.token(0, 'acceptor', 'listening').waitFor()
    hub.disconnect()
    await page.getByText('reconnecting').waitFor()
    await page.getByText('● live').waitFor()
    hub.say({ type: 'hub.records', records: records.slice(0, 200) })
    await parts.token(0, 'acceptor', 'listening').waitFor()
    expect(faults).toEqual([])
  })
})

/** Runs in the page: how many frames it draws in that time. */
function countFrames(forMs: number): Promise<number> {
  return new Promise((resolve) => {
    let frames = 0
    const begun = performance.now()
    const frame = (nowMs: number) => {
      frames += 1
      if (nowMs - begun < forMs) requestAnimationFrame(frame)
      else resolve(frames)
    }
    requestAnimationFrame(frame)
  })
}
