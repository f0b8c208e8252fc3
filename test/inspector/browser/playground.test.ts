/** The playground, as any static host serves it: a cluster in the page, and no server at all. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { tourSteps } from '../../../inspector/tour/steps.ts'
import { buildPage } from '../../../scripts/build-inspector.ts'
import { invariantNumbers } from '../../../src/core/invariants.ts'
import { inBrowser, overlappingTexts, screenshotFolder, seriousFaults } from './in-browser.ts'
import { firstViewMs, Parts, seriousFaultsInTabs } from './page-parts.ts'
import { type Served, serveFolder } from './served.ts'

/** Compressed, what a reader has to load. */
const largestPageBytes = 300_000

await inBrowser('the playground', (open) => {
  let folder: string
  let served: Served

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'paxos-playground-'))
    await buildPage('playground', folder)
    served = await serveFolder(folder)
  })

  afterAll(async () => {
    await served?.close()
    await rm(folder, { recursive: true, force: true })
  })

  async function opened(fragment = ''): Promise<Parts> {
    const { page } = await open(served.url + fragment)
    const parts = new Parts(page)
    await parts.server(2).getByText('up').waitFor()
    return parts
  }

  /** A scenario, at its beginning, and so many of its events. */
  async function scenario(parts: Parts, name: string, events: number): Promise<void> {
    await parts.open('Next')
    await parts.page.getByLabel('Scenario').selectOption({ label: name })
    await parts.panel('Next').getByText('event 0 of').waitFor()
    await step(parts, events, 0)
  }

  async function step(parts: Parts, events: number, before: number): Promise<void> {
    for (let event = before + 1; event <= before + events; event += 1) {
      await parts.button(/^Next event/).click()
      await parts.panel('Next').getByText(`event ${event} of`).waitFor()
    }
  }

  test('it is small enough to be there at once', async () => {
    const files = await Promise.all((await readdir(folder)).map((name) => readFile(join(folder, name))))
    const bytes = files.reduce((sum, file) => sum + gzipSync(file).length, 0)
    expect(bytes).toBeLessThan(largestPageBytes)
  })

  test('the first view comes soon', async () => {
    // A second is promised. By the clock it takes longer while the machine does other things.
    expect(await firstViewMs(open, served.url)).toBeLessThan(1_000)
  })

  test('all charts are seen whole at 1280×800, and what is written in them can be read', async () => {
    const parts = await opened()
    await scenario(parts, 'A duel', 14)
    const overview = parts.page.getByRole('region', { name: 'All charts' })
    const hidden = await overview.evaluate((element) => [
      element.scrollWidth - element.clientWidth,
      element.scrollHeight - element.clientHeight,
    ])
    expect(hidden).toEqual([0, 0])
    const scales = await overview.locator('svg.chart').evaluateAll((drawings) =>
      drawings.map((drawing) => {
        const [, , width] = (drawing.getAttribute('viewBox') ?? '').split(' ')
        return drawing.getBoundingClientRect().width / Number(width)
      }),
    )
    expect(scales).toHaveLength(6)
    // The names of states are of 12 pixels at a scale of 1.
    for (const scale of scales) expect(scale * 12).toBeGreaterThanOrEqual(10.99)
  })

  test.each([
    1024, 1280, 1440,
  ])('nothing stands beside the page at %d pixels, and no badge is cut', async (width) => {
    const { page } = await open(served.url, { width })
    await new Parts(page).token(0, 'acceptor', 'listening').waitFor()
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width)
    const badges = await page.locator('.badge').evaluateAll((all) =>
      all.map((badge) => ({
        text: badge.textContent ?? '',
        title: badge.getAttribute('title') ?? '',
        isCut: badge.scrollWidth > badge.clientWidth,
      })),
    )
    expect(badges).toHaveLength(invariantNumbers.length)
    expect(badges.filter(({ isCut }) => isCut)).toEqual([])
    expect(badges[10]).toMatchObject({
      text: expect.stringContaining('11 progress'),
      title: expect.stringMatching(/^11 progress: unjudged: /),
    })
  })

  test('each event of a scenario moves the tokens; going back moves them back', async () => {
    const parts = await opened()
    await scenario(parts, 'The normal case', 2)
    await parts.token(0, 'proposer', 'preparing').waitFor()
    await parts.token(0, 'acceptor', 'persisting').waitFor()
    await parts.token(0, 'requestQueue', 'ready').waitFor()
    await step(parts, 1, 2)
    await parts.token(0, 'acceptor', 'listening').waitFor()
    await parts.button(/Undo/).click()
    await parts.token(0, 'acceptor', 'persisting').waitFor()
    await parts.button(/Undo/).click()
    await parts.token(0, 'proposer', 'idle').waitFor()
  })

  test('a message that is dropped by hand is drawn as lost', async () => {
    const parts = await opened()
    await scenario(parts, 'The normal case', 2)
    const lanes = parts.page.getByRole('application', { name: /^Messages/ })
    expect(await lanes.locator('.arrow.is-lost').count()).toBe(0)
    await parts
      .panel('Next')
      .getByRole('button', { name: /^Drop prepare .* to server 2/ })
      .click()
    await lanes.locator('.arrow.is-lost').waitFor()
    expect(await lanes.locator('.arrow.is-lost').getAttribute('aria-label')).toMatch(/prepare 1\.0/)
    await parts.page.screenshot({ path: join(screenshotFolder, 'playground-dropped.png') })
  })

  test('the address is a link to what is seen', async () => {
    const parts = await opened()
    await scenario(parts, 'A duel', 25)
    const shown = await parts.picture()
    await parts.page.waitForFunction(() => location.hash.includes('at=25'))
    const hash = await parts.page.evaluate(() => location.hash)
    const other = await opened(hash)
    await (await other.open('Next')).getByText('event 25 of').waitFor()
    expect(await other.picture()).toEqual(shown)
    await parts.page.screenshot({ path: join(screenshotFolder, 'playground-duel.png') })
  })

  test('what breaks is told, and nothing of the page breaks with it', async () => {
    const parts = await opened('#playground&z=nonsense')
    await parts.open('Next')
    expect(await parts.panel('Next').getByRole('alert').first().innerText()).not.toBe('')
  })

  test('the tour: a step is done event by event, and what it speaks of is marked', async () => {
    const parts = await opened()
    const { page } = parts
    await parts.open('Tour')
    await parts.button('Begin').click()
    await parts.button('Next').click()
    // It stays where it is while one looks at what it speaks of.
    await parts.open('Ledger')
    const tour = page.locator('.tour-step')
    await tour.getByRole('heading', { name: tourSteps[1]!.title }).waitFor()
    await parts.token(0, 'proposer', 'idle').waitFor()
    expect(await parts.chart('proposer').locator('[data-tour-look]').getAttribute('data-state')).toBe(
      'proposer.preparing',
    )
    await parts.button('Do it').click()
    await parts.token(0, 'proposer', 'preparing').waitFor()
    await tour.getByText(tourSteps[1]!.seen).waitFor()
    await parts.token(1, 'acceptor', 'persisting').waitFor()
    await page.screenshot({ path: join(screenshotFolder, 'tour.png') })
    for (const { title } of tourSteps.slice(2)) {
      await parts.button('Next').click()
      await tour.getByRole('heading', { name: title }).waitFor()
      expect(await page.locator('[data-tour-look]').count(), title).toBeGreaterThan(0)
    }
    expect(await parts.button('Next').isDisabled()).toBe(true)
    await parts.button('Hide text').click()
    await tour.getByText(tourSteps[11]!.text[0]!).waitFor({ state: 'detached' })
    await parts.button('Show text').click()
    // A reader who leaves the schedule of the tour is asked whether to go on with it.
    await parts.open('Next')
    await parts.page.getByLabel('Scenario').selectOption({ label: 'A duel' })
    await tour.waitFor({ state: 'detached' })
    await parts.open('Tour')
    await parts.button('Continue at step 12').click()
    await tour.getByRole('heading', { name: tourSteps[11]!.title }).waitFor()
  })

  test.each(['light', 'dark'] as const)('axe finds no serious fault, %s', async (colorScheme) => {
    const { page } = await open(served.url, { colorScheme, bypassCSP: true })
    const parts = new Parts(page)
    await scenario(parts, 'A duel', 20)
    expect(await seriousFaultsInTabs(parts)).toEqual([])
    await page.screenshot({ path: join(screenshotFolder, `playground-${colorScheme}.png`) })
    await parts.open('Tour')
    await parts.button('Begin').click()
    expect(await seriousFaults(page, '#side')).toEqual([])
  })

  test.each([
    [1280, 800],
    [1920, 1080],
  ])('no text covers another at %i × %i', async (width, height) => {
    const { page } = await open(served.url, { width, height })
    const parts = new Parts(page)
    await scenario(parts, 'A duel', 30)
    expect(await overlappingTexts(page, 'section[aria-label="Messages"]')).toEqual([])
    const choices = page.getByRole('group', { name: 'Which charts' }).getByRole('button')
    // All, eight charts, three servers.
    expect(await choices.count()).toBe(12)
    for (const choice of await choices.all()) {
      await choice.click()
      expect(await overlappingTexts(page, 'section[aria-label="Charts"]')).toEqual([])
    }
  })
})
