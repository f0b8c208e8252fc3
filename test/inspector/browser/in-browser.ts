/** The inspector's page in a real Chromium, watched: what it said to its console, and whom it asked for what. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { startChromium } from '../../support/chromium.ts'

/** Where screenshots are written, to be looked at. Git ignores it. */
export const screenshotFolder = fileURLToPath(new URL('../../screenshots', import.meta.url))

/** How long something may take to be seen, in milliseconds. */
const patienceMs = 15_000

export interface PageOptions {
  readonly width?: number
  readonly height?: number
  readonly colorScheme?: 'light' | 'dark'
  readonly reducedMotion?: 'reduce' | 'no-preference'
  /** Scripts of the test's own may be added, which the page's policy forbids: for axe, and for nothing else. */
  readonly bypassCSP?: boolean
}

/** A page, and what went wrong in it. */
export interface WatchedPage {
  readonly page: Page
  /** Errors on the console, exceptions, requests that failed, and requests to another origin. */
  readonly faults: string[]
  /** Bytes that came over the network, as they were encoded, by path. */
  readonly received: ReadonlyMap<string, number>
  /**
   * The CPU time in milliseconds that the main thread of the page has used since the page was opened: what the page itself costs. Unlike
   * a time by the clock, it hardly depends on what else the machine does.
   */
  cpuMs(): Promise<number>
}

export type OpenPage = (url: string, options?: PageOptions) => Promise<WatchedPage>

/**
 * A group of tests that open pages in one browser, which ends with them; pages end with their test, and a fault in one of
 * them fails it. Without a browser, a warning and one skipped test say why.
 */
export async function inBrowser(name: string, tests: (open: OpenPage) => void): Promise<void> {
  const { browser, reason } = await startChromium()
  if (browser === null) {
    console.warn(`${name} is not tested, there is no browser: ${reason}`)
    test.skip(`${name}: no browser: ${reason}`, () => undefined)
    return
  }
  describe(name, () => {
    const opened: { context: BrowserContext; watched: WatchedPage }[] = []
    afterEach(async () => {
      const ended = opened.splice(0)
      await Promise.all(ended.map(({ context }) => context.close()))
      expect(ended.flatMap(({ watched }) => watched.faults)).toEqual([])
    })
    afterAll(() => browser.close())
    tests(async (url, options) => {
      const watched = await openPage(browser, url, options)
      opened.push({ context: watched.page.context(), watched })
      return watched
    })
  })
}

async function openPage(browser: Browser, url: string, options: PageOptions = {}): Promise<WatchedPage> {
  const { width = 1280, height = 800, colorScheme = 'light', reducedMotion = 'no-preference' } = options
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme,
    reducedMotion,
    bypassCSP: options.bypassCSP ?? false,
    acceptDownloads: true,
    permissions: ['clipboard-read', 'clipboard-write'],
  })
  const page = await context.newPage()
  page.setDefaultTimeout(patienceMs)
  const faults: string[] = []
  const received = new Map<string, number>()
  const { origin } = new URL(url)
  const watch = (asked: string) => {
    const { protocol, origin: other, host } = new URL(asked)
    const isOwn =
      other === origin ||
      protocol === 'data:' ||
      protocol === 'blob:' ||
      (protocol === 'ws:' && host === new URL(url).host)
    if (!isOwn) faults.push(`another origin was asked: ${asked}`)
  }
  page.on('console', (message) => {
    if (message.type() === 'error') faults.push(`console: ${message.text()}`)
  })
  page.on('pageerror', (error) => faults.push(`exception: ${error.stack ?? error.message}`))
  page.on('requestfailed', (request) =>
    faults.push(`failed: ${request.url()} ${request.failure()?.errorText}`),
  )
  page.on('request', (request) => watch(request.url()))
  page.on('websocket', (socket) => watch(socket.url()))
  page.on('requestfinished', async (request) => {
    const sizes = await request.sizes().catch(() => null)
    if (sizes !== null) received.set(new URL(request.url()).pathname, sizes.responseBodySize)
  })
  // Before the page is opened: the browser counts from here on.
  const session = await context.newCDPSession(page)
  await session.send('Performance.enable')
  const cpuMs = async () => {
    const { metrics } = await session.send('Performance.getMetrics')
    const seconds = metrics.find(({ name }) => name === 'ThreadTime')?.value
    if (seconds === undefined)
      throw new Error(`the browser reports no ThreadTime: ${JSON.stringify(metrics)}`)
    return seconds * 1_000
  }
  await page.goto(url)
  return { page, faults, received, cpuMs }
}

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

interface AxeResult {
  readonly violations: readonly {
    readonly id: string
    readonly impact: string | null
    readonly help: string
    readonly nodes: readonly { readonly target: readonly unknown[]; readonly failureSummary?: string }[]
  }[]
}

/** What axe takes to be a serious or critical fault in an element, a line each. The page is to be opened with `bypassCSP`. */
export async function seriousFaults(page: Page, selector: string): Promise<readonly string[]> {
  if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(axeSource)
  const options = {
    resultTypes: ['violations'],
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'],
  }
  const { violations } = await page.evaluate<AxeResult>(
    `axe.run(${JSON.stringify(selector)}, ${JSON.stringify(options)})`,
  )
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) =>
      nodes.map(({ target, failureSummary = '' }) => `${id}: ${target.join(' ')}: ${failureSummary}`),
    )
}

/** Pairs of texts in the first element that `selector` finds that cover each other by more than a pixel. */
export function overlappingTexts(page: Page, selector: string): Promise<readonly string[]> {
  return page.evaluate(async (within) => {
    // What glides may pass over something else on its way.
    await Promise.all(document.getAnimations().map(({ finished }) => finished.catch(() => undefined)))
    const root = document.querySelector(within)
    if (root === null) return [`nothing is ${within}`]
    const texts = [...root.querySelectorAll('svg text')].flatMap((element) => {
      const { left, right, top, bottom, width, height } = element.getBoundingClientRect()
      const { visibility, opacity } = getComputedStyle(element)
      const isSeen = width > 0 && height > 0 && visibility !== 'hidden' && opacity !== '0'
      return isSeen ? [{ text: element.textContent, left, right, top, bottom }] : []
    })
    return texts.flatMap((a, place) =>
      texts
        .slice(place + 1)
        .filter(
          (b) =>
            Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 &&
            Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1,
        )
        .map((b) => `"${a.text}" and "${b.text}"`),
    )
  }, selector)
}
