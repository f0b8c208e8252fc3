/** The inspector's page in a Chromium that nobody sees. */

export interface OpenPage {
  close(): Promise<void>
}

export interface PageOpener {
  /** Opens the page at `url`, once it shows something. */
  open(url: string): Promise<OpenPage>
  close(): Promise<void>
}

const args = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--no-first-run',
  '--disable-background-networking',
]

/** Starts the Chromium that ships in `@sparticuz/chromium`. Throws when there is none for this machine. */
export async function startOpener(): Promise<PageOpener> {
  const [{ default: shipped }, { chromium }] = await Promise.all([
    import('@sparticuz/chromium'),
    import('playwright-core'),
  ])
  const browser = await chromium.launch({ executablePath: await shipped.executablePath(), args })
  return {
    async open(url) {
      const page = await browser.newPage({ viewport: { width: 1280, height: 800 } })
      await page.goto(url)
      await page.waitForSelector('svg')
      return page
    },
    close: () => browser.close(),
  }
}
