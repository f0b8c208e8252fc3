/** The page of the inspector in a headless Chromium. */
import { treeOf } from './cpu.ts'

export interface OpenPage {
  /** The process ids of the browser. */
  readonly pids: readonly number[]
  close(): Promise<void>
}

const args = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--no-first-run',
  '--disable-background-networking',
]

/**
 * Opens the page at `url` in the Chromium of `@sparticuz/chromium`, and waits until it shows something. Throws when there is no Chromium
 * for this machine.
 */
export async function openPage(url: string): Promise<OpenPage> {
  const [{ default: shipped }, { chromium }] = await Promise.all([
    import('@sparticuz/chromium'),
    import('playwright-core'),
  ])
  const executablePath = await shipped.executablePath()
  const server = await chromium.launchServer({ executablePath, args })
  try {
    const browser = await chromium.connect(server.wsEndpoint())
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } })
    await page.goto(url)
    await page.waitForSelector('svg')
  } catch (error) {
    await server.close()
    throw error
  }
  return { pids: treeOf(server.process().pid ?? 0), close: () => server.close() }
}
