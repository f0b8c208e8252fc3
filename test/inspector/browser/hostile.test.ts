/** The page as the hub itself serves it, against those who mean it ill: clients that choose names, and servers that lie. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Batch, requestsOf } from '../../../machines/batch.ts'
import { buildPage } from '../../../scripts/build-inspector.ts'
import { nothingDurable } from '../../../src/core/durable.ts'
import { Hub } from '../../../src/inspect/hub/hub.ts'
import type { ServerRecord } from '../../../src/inspect/records/record.ts'
import { executed, execution, ran } from '../../support/facts.ts'
import { founders, hello, keyframe, step, ToldServer } from '../../support/hub.ts'
import { inBrowser, screenshotFolder } from './in-browser.ts'
import { Parts } from './page-parts.ts'

const empty = nothingDurable
const ballot = { round: 1, node: 0 }
const markup = '<img src=x onerror="globalThis.hacked=1"><script>globalThis.hacked=1</script>'
const names = [
  markup,
  `"><svg onload=alert(1)>`,
  '\u202eleft\u0000\u0007',
  'javascript:alert(1)',
  'long'.repeat(60),
]

function batchOf(...bodies: readonly string[]): Batch {
  return {
    node: 0,
    elapsedMs: 0,
    groups: bodies.map((name, index) => ({
      uid: `${name}@127.0.0.1:1`.slice(0, 100),
      ackedBelow: 1,
      heldBy: 0,
      requests: [{ seq: index + 1, command: { kind: 'service', body: { action: 'lock', name } } }],
    })),
  }
}

function executes(node: number, clock: number, batch: Batch): ServerRecord {
  const outcomes = requestsOf(batch).map((request, index) => ran(request, 0, index, null))
  return step(clock, { facts: [executed(node, batch, execution(0, outcomes))] })
}

function starts(node: number): ServerRecord {
  const started = {
    type: 'started',
    node,
    incarnation: `founder-${node}`,
    durable: empty,
    members: founders,
  } as const
  return step(1, { cause: { type: 'start' }, facts: [started], roles: keyframe(node).roles })
}

await inBrowser('the page of a hub', (open) => {
  let folder: string
  let hub: Hub

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'paxos-page-'))
    await buildPage('live', folder)
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  async function shown(records: (node: number) => readonly ServerRecord[]) {
    hub = await Hub.listen({ port: 0, pageFolder: folder })
    try {
      const watched = await open(hub.url)
      const servers = await Promise.all([0, 1, 2].map((node) => ToldServer.connect(hub, hello(node))))
      for (const [node, server] of servers.entries()) server.tell(records(node))
      return { ...watched, parts: new Parts(watched.page) }
    } catch (error) {
      await hub.close()
      throw error
    }
  }

  /** The page first: one whose hub is gone asks for it again, and its console shows that as a fault. */
  async function closeBoth(page: Page): Promise<void> {
    await page.close()
    await hub.close()
  }

  test('shows what clients and servers call things as text, and as nothing else', async () => {
    const { page, parts } = await shown((node) => [
      // What is accepted already is not known from records: so nothing is judged, and the page goes on.
      keyframe(node, {
        durable: { ...empty, accepted: [{ instance: 0, ballot, batch: batchOf(...names) }] },
      }),
      executes(node, 2, batchOf(...names)),
      {
        kind: 'service',
        clock: 3,
        timeMs: 3,
        firstUnexecuted: 1,
        view: {
          tables: [
            {
              name: markup,
              columns: [markup, 'b'],
              rows: names.map((name) => [name, { [name]: name }]),
              more: 0,
              keyColumn: 0,
            },
          ],
        },
        replica: {
          clockMs: 1,
          deadlineMs: 2,
          tables: [{ name: markup, columns: [markup], rows: [[markup]], more: 0, keyColumn: null }],
        },
      },
      {
        kind: 'fate',
        clock: 4,
        timeMs: 4,
        from: node,
        to: markup,
        message: { type: 'queued', uid: markup, seqs: [1] },
        fate: 'dropped',
        reason: markup,
      },
      { kind: 'ended', clock: 5, timeMs: 5, reason: markup },
    ])
    try {
      await page.locator('.chip.gone').nth(2).waitFor()
      for (const tab of ['Ledger', 'Queues', 'Service', 'Events']) {
        const panel = await parts.open(tab)
        await panel.locator('*').first().waitFor()
        const found = await page.evaluate(() => ({
          foreign: document.querySelectorAll('img, iframe, object, script:not([src]), [onerror], [onload]')
            .length,
          failed: document.querySelectorAll('.part-failed').length,
          hacked: 'hacked' in globalThis,
        }))
        expect({ tab, ...found }).toEqual({ tab, foreign: 0, failed: 0, hacked: false })
      }
      // What is looked for was there to be found.
      expect(hub.counters.malformed).toBe(0)
      for (const tab of ['Service', 'Ledger']) {
        expect(await (await parts.open(tab)).innerText()).toContain(markup)
      }
    } finally {
      await closeBoth(page)
    }
  })

  test('runs no script but its own, and speaks to nobody but its hub', async () => {
    const { page, faults } = await shown((node) => [keyframe(node)])
    try {
      await page.locator('.chip.up').nth(2).waitFor()
      const { refused, hacked } = await page.evaluate(async () => {
        const refused = new Set<string>()
        document.addEventListener('securitypolicyviolation', (event) => refused.add(event.effectiveDirective))
        const script = document.createElement('script')
        script.textContent = 'globalThis.hacked = true'
        const frame = document.createElement('iframe')
        frame.src = 'http://127.0.0.1:1/'
        const holder = document.createElement('div')
        holder.innerHTML = '<img src="http://127.0.0.1:1/" onerror="globalThis.hacked = true">'
        document.body.append(script, frame, holder)
        const asked = fetch('http://127.0.0.1:1/').catch(() => undefined)
        setTimeout('globalThis.hacked = true')
        await asked
        for (let frames = 0; refused.size < 6 && frames < 600; frames += 1)
          await new Promise(requestAnimationFrame)
        return { refused: [...refused].sort(), hacked: 'hacked' in globalThis }
      })
      expect({ refused, hacked }).toEqual({
        refused: ['connect-src', 'frame-src', 'img-src', 'script-src', 'script-src-attr', 'script-src-elem'],
        hacked: false,
      })
      // The browser tells of each of them.
      const others = faults
        .splice(0)
        .filter((fault) => !/Content Security Policy|127\.0\.0\.1:1\//.test(fault))
      expect(others).toEqual([])
    } finally {
      await closeBoth(page)
    }
  })

  test('stops where servers tell of what cannot be, and says which invariant is broken', async () => {
    const { page, parts } = await shown((node) => [
      starts(node),
      executes(node, 10 + node, batchOf(node === 1 ? 'other' : 'one')),
      step(20),
    ])
    try {
      const alert = page.getByRole('alert')
      await alert.getByText('is broken').waitFor()
      await page.locator('.badge.broken').getByText('1 agreement').waitFor()
      // What came after it is there, and not shown.
      const { shown: place, all } = await parts.place()
      expect(place).toBeLessThan(all)
      await parts.button(/Live$/).click()
      await page.locator('.badge.broken').waitFor()
    } finally {
      await closeBoth(page)
    }
  })

  test('names the servers of another cluster that are refused, and shows that cluster when it is asked to', async () => {
    const { page, parts } = await shown((node) => [keyframe(node)])
    try {
      await parts.server(2).getByText('up').waitFor()
      const founded = founders.map((one) => ({ ...one, incarnation: `other-${one.id}` }))
      const other = (node: number) => hello(node, { cluster: `mine ${markup}`, founders: founded })
      await ToldServer.connect(hub, other(1))
      await ToldServer.connect(hub, other(2))
      const refused = page.getByRole('region', { name: 'Refused servers' })
      await refused.getByText(/^Server 1, 2 of cluster mine </).waitFor()
      await refused.getByText(/are refused \(2 times\): this inspector shows the cluster test/).waitFor()
      expect(await refused.locator('img, script').count()).toBe(0)
      await page.screenshot({ path: join(screenshotFolder, 'refused.png') })
      await refused.getByRole('button', { name: /^Show cluster mine/ }).click()
      await refused.getByText(/^Server 1, 2/).waitFor()
      // They come again by themselves.
      const again = await ToldServer.connect(hub, other(1))
      again.tell([keyframe(1)])
      await page.locator('.cluster').getByText('mine').waitFor()
      await parts.server(1).getByText('up').waitFor()
      expect(await parts.server(0).innerText()).not.toContain('up')
    } finally {
      await closeBoth(page)
    }
  })

  test('shows in the ledger how far servers are that leave records out, how old it is, and what is not known', async () => {
    const nowMs = Date.now()
    const heads = (atMs: number, at: number): ServerRecord => ({
      kind: 'heads',
      clock: 50 + at,
      timeMs: nowMs + atMs,
      promised: ballot,
      isPromisedSynced: true,
      firstUnchosen: at,
      firstUnexecuted: at,
      leftOut: 300,
    })
    const { page, parts } = await shown((node) => [
      // What is accepted already is not known from records: so nothing is judged, and the page goes on.
      keyframe(node, {
        timeMs: nowMs,
        durable: { ...empty, accepted: [{ instance: 0, ballot, batch: batchOf('a') }] },
      }),
      { ...executes(node, 2, batchOf('a')), timeMs: nowMs },
      ...(node === 2 ? [heads(402, 79)] : [heads(400, 80 - node), heads(600, 160 - node)]),
    ])
    try {
      const ledger = await parts.open('Ledger')
      await ledger.getByText('instances 1 to 159: no record').waitFor()
      const rows = ledger.locator('thead tr')
      const cells = async (row: number) => rows.nth(row).locator('td').allInnerTexts()
      expect(await cells(1)).toEqual(['1.0', '1.0', '1.0'])
      // Two have reported later than the third: what is compared is of one moment.
      expect(await cells(3)).toEqual(['80', '79', '79'])
      expect((await cells(4)).join(' ')).toMatch(/^\d.* s \d.* s \d.* s$/)
      await page.screenshot({ path: join(screenshotFolder, 'ledger-under-load.png') })
    } finally {
      await closeBoth(page)
    }
  })
})
