/** The inspector on a real cluster of three servers that was started with `--inspect --allow-faults`. */
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connect } from '../../../src/client/index.ts'
import { inBrowser, overlappingTexts, screenshotFolder } from './in-browser.ts'
import { LiveCluster } from './live-cluster.ts'
import { firstViewMs, Parts, seriousFaultsInTabs } from './page-parts.ts'

/** The page as it comes over the network, compressed: what is promised of it. */
const largestPageBytes = 300_000

await inBrowser('the inspector on a live cluster', (open) => {
  let cluster: LiveCluster
  let url: string

  beforeAll(async () => {
    cluster = await LiveCluster.start()
    url = cluster.url
    await cluster.take('first')
  })

  afterAll(() => cluster?.close())

  async function opened(address = url): Promise<Parts> {
    const { page } = await open(address)
    const parts = new Parts(page)
    await parts.server(2).getByText('up').waitFor()
    return parts
  }

  test('a page that comes late shows where everything stands, and is small', async () => {
    const { page, received } = await open(url)
    const parts = new Parts(page)
    await parts.token(0, 'acceptor', 'listening').waitFor()
    await page.screenshot({ path: join(screenshotFolder, 'live.png') })
    const bytes = [...received.values()].reduce((sum, size) => sum + size, 0)
    expect(bytes).toBeGreaterThan(10_000)
    expect(bytes).toBeLessThan(largestPageBytes)
  })

  test('its first view comes soon', async () => {
    // A second is promised. By the clock it takes longer while the machine does other things.
    expect(await firstViewMs(open, url)).toBeLessThan(1_000)
  })

  test('tokens move when a lock is taken, and what was executed stands in the ledger', async () => {
    const parts = await opened()
    await cluster.take('moves')
    await parts.token(0, 'proposer', 'leading').waitFor()
    const ledger = await parts.open('Ledger')
    await ledger.getByText('lock moves').first().waitFor()
  })

  test('a server that is killed is shown gone, and comes back', async () => {
    const parts = await opened()
    const [, pid] = await cluster.paxos.said(/^server 2 ready on \S+ \(.*pid (\d+)\)$/m)
    process.kill(Number(pid), 'SIGKILL')
    await parts.server(2).getByText('gone').waitFor()
    expect(await parts.page.getByRole('img', { name: /^server 2 in / }).count()).toBe(0)
    await parts.page.screenshot({ path: join(screenshotFolder, 'live-gone.png') })
    await cluster.take('meanwhile')
    await parts.open('Faults')
    await parts.button('Restart server 2').click()
    await parts.server(2).getByText('up').waitFor()
    await parts.token(2, 'acceptor', 'listening').waitFor()
    // Both are kept for good, with the time of day.
    const events = await parts.open('Events')
    await events.getByText(/^Starts, ends, members and ended sessions/).click()
    const milestones = events.locator('.milestone')
    await milestones
      .filter({ hasText: /^\d\d:\d\d:\d\d server 2 is gone \(its connection ended\)$/ })
      .waitFor()
    await milestones
      .first()
      .filter({ hasText: /^\d\d:\d\d:\d\d server 2 is up$/ })
      .waitFor()
    await milestones.first().getByRole('button').click()
    await parts.page.screenshot({ path: join(screenshotFolder, 'live-milestones.png') })
  })

  test('what is dropped by a rule is drawn as lost, its request waits, and is answered after the rule', async () => {
    const parts = await opened()
    const faults = await parts.open('Faults')
    await faults.getByRole('combobox', { name: /^Message/ }).selectOption('accepted')
    await parts.button('Add rule').click()
    await faults
      .getByText(/drop.*accepted/)
      .first()
      .waitFor()
    await faults.getByLabel('Name').fill('dropped')
    await parts.button('Lock').click()
    const lost = parts.page.getByRole('application', { name: /^Messages/ }).getByRole('button', {
      name: /accepted.*(dropped|lost)/,
    })
    await lost.first().waitFor()
    await parts.page.screenshot({ path: join(screenshotFolder, 'live-dropped.png') })
    await faults.getByText('lock dropped: waits').waitFor()
    await faults.getByRole('button', { name: /^Remove .*accepted/ }).click()
    await faults.getByText('locked dropped token').waitFor()
    await parts.button('Unlock').click()
    await faults.getByText('unlocked dropped').waitFor()
  })

  test('a lock, its line and the sessions are tables, and the end of a session is kept', async () => {
    const parts = await opened()
    const holder = connect({ servers: cluster.servers, name: 'holder', ttlMs: 3_000 })
    await holder.locks.acquire('held')
    const faults = await parts.open('Faults')
    await faults.getByLabel('Name').fill('held')
    await parts.button('Lock').click()
    await faults.getByText('lock held: waits').waitFor()
    const service = await parts.open('Service')
    const rowOf = (table: string, ...texts: RegExp[]) =>
      texts.reduce(
        (rows, hasText) => rows.filter({ hasText }),
        service.getByRole('region', { name: table, exact: true }).locator('tbody tr'),
      )
    const held = rowOf('holders', /^held\d+\.\d+ of holder/)
    const id = /(\d+\.\d+) of holder/.exec((await held.textContent()) ?? '')?.[1] ?? 'no session'
    await rowOf('line', /^held\d+\.\d+ of inspector#\d+exclusive/, /at server \d/).waitFor()
    await rowOf('sessions', /^\d+\.\d+ of holder3 s.*holds$/).waitFor()
    await rowOf('sessions', /^\d+\.\d+ of inspector30 s.*1 waiting/).waitFor()
    for (const width of [1280, 1024]) {
      await parts.page.setViewportSize({ width, height: 800 })
      await parts.page.screenshot({ path: join(screenshotFolder, `live-sessions-${width}.png`) })
      expect(await service.evaluate((panel) => panel.scrollWidth - panel.clientWidth)).toBe(0)
    }
    // Sessions of earlier tests that are due end with this request, and not with the next one.
    await holder.locks.query()
    // Its session ends, and the lock goes to the page.
    await holder.close()
    await rowOf('holders', /^held\d+\.\d+ of inspector/).waitFor()
    await parts.open('Faults')
    await faults.getByText('locked held token').waitFor()
    await parts.button('Unlock').click()
    await faults.getByText('unlocked held').waitFor()
    const events = await parts.open('Events')
    await events.getByText(/^Starts, ends, members and ended sessions/).click()
    await events
      .locator('.milestone')
      // A request to open a session that was repeated opened another one, which has ended too.
      .filter({ hasText: new RegExp(`session ${id} of holder ended \\(in instance \\d+\\)$`) })
      .getByRole('button')
      .click()
    const record = parts.page.getByRole('region', { name: 'Selected record' })
    // The headline of the record may end before the execution: the leader goes on to the next batch in the same step.
    const ended = new RegExp(`endedSessions: \\d+ in a list(\\d+: "[^"]*")*?\\d+: "holder-[\\w-]+@${id}"`)
    await expect.poll(() => record.textContent(), { timeout: 15_000 }).toMatch(ended)
  })

  test('scrubbing back shows the earlier state, and live returns', async () => {
    const parts = await opened()
    await parts.open('Ledger')
    await cluster.take('scrubbed')
    await parts.panel('Ledger').getByText('lock scrubbed').first().waitFor()
    const { all } = await parts.place()
    await parts.scrubTo(Math.floor(all / 2))
    await parts.panel('Ledger').getByText('lock scrubbed').first().waitFor({ state: 'detached' })
    // What comes meanwhile does not move the reader.
    await cluster.take('later')
    expect((await parts.place()).shown).toBe(Math.floor(all / 2))
    await parts.button(/Live$/).click()
    await parts.panel('Ledger').getByText('lock later').first().waitFor()
  })

  test('the keyboard pauses, steps back and forward, plays and returns', async () => {
    const parts = await opened()
    await parts.page.keyboard.press('Space')
    await parts.button('Play').waitFor()
    const { shown } = await parts.place()
    await parts.page.keyboard.press('ArrowLeft')
    await expectPlace(parts, shown - 1)
    await parts.page.keyboard.press('Shift+ArrowLeft')
    await expectPlace(parts, shown - 11)
    await parts.page.keyboard.press('ArrowRight')
    await expectPlace(parts, shown - 10)
    await parts.page.keyboard.press('Space')
    await parts.button('Pause').waitFor()
    // Servers that wait for a deadline may add records meanwhile.
    await expect
      .poll(async () => (await parts.place()).shown, { timeout: 15_000 })
      .toBeGreaterThanOrEqual(shown)
    await parts.page.keyboard.press('End')
    await parts.page.getByRole('button', { name: /Live$/, pressed: true }).waitFor()
  })

  test('the arrow keys go through time after a tab was clicked, and through the tabs for who came to them by the keyboard', async () => {
    const parts = await opened()
    await parts.page.keyboard.press('Space')
    await parts.button('Play').waitFor()
    const { shown } = await parts.place()
    await parts.open('Events')
    await parts.page.keyboard.press('ArrowLeft')
    await expectPlace(parts, shown - 1)
    await parts.panel('Events').waitFor()
    await parts.tab('Events').focus()
    await parts.page.keyboard.press('ArrowLeft')
    await parts.panel('Service').waitFor()
    await expectPlace(parts, shown - 1)
  })

  test.each([
    'light',
    'dark',
  ] as const)('nothing stands beside the page at 390 pixels, %s', async (colorScheme) => {
    const { page } = await open(url, { width: 390, height: 844, colorScheme })
    await new Parts(page).token(0, 'acceptor', 'listening').waitFor()
    const width = await page.evaluate(() => document.documentElement.scrollWidth)
    await page.screenshot({ path: join(screenshotFolder, `live-390-${colorScheme}.png`), fullPage: true })
    expect(width).toBe(390)
  })

  async function expectPlace(parts: Parts, place: number): Promise<void> {
    await parts.page
      .locator('.place')
      .filter({ hasText: new RegExp(`^${place} of `) })
      .waitFor()
  }

  test('a page without the token may look, and not touch', async () => {
    const parts = await opened(url.replace(/#.*/, ''))
    await parts.open('Faults')
    expect(await parts.button('Crash server 0').count()).toBe(0)
  })

  test.each(['light', 'dark'] as const)('axe finds no serious fault, %s', async (colorScheme) => {
    const { page } = await open(url, { colorScheme, bypassCSP: true })
    const parts = new Parts(page)
    await parts.token(0, 'acceptor', 'listening').waitFor()
    expect(await seriousFaultsInTabs(parts)).toEqual([])
    await page.screenshot({ path: join(screenshotFolder, `live-${colorScheme}.png`) })
  })

  test.each([
    [1280, 800],
    [1920, 1080],
  ])('no text covers another at %i × %i', async (width, height) => {
    const { page } = await open(url, { width, height })
    const parts = new Parts(page)
    await parts.token(0, 'acceptor', 'listening').waitFor()
    await cluster.take('crowded')
    await parts.panel('Ledger').getByText('lock crowded').first().waitFor()
    expect(await overlappingTexts(page, 'section[aria-label="Charts"]')).toEqual([])
    expect(await overlappingTexts(page, 'section[aria-label="Messages"]')).toEqual([])
    await page.screenshot({ path: join(screenshotFolder, `live-${width}.png`) })
  })
})
