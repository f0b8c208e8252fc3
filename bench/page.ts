/** The inspector's page in a Chromium that nobody sees. */
import { treeOf } from './cpu.ts'

export interface OpenPage {
  /** Of the browser's processes. */
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

/** Opens the page at `url`, once it shows something, in the Chromium that ships in `@sparticuz/chromium`. Throws when there is none for this machine. */
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
