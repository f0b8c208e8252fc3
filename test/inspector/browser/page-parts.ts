/** Where things are on the inspector's page, by what they are called. */
import type { Locator, Page } from 'playwright-core'
import type { RoleName } from '../../../machines/inbox.ts'
import { type OpenPage, seriousFaults } from './in-browser.ts'

const chartNames: Readonly<Record<RoleName | 'client', string>> = {
  proposer: 'proposer',
  acceptor: 'acceptor',
  learner: 'learner',
  requestQueue: 'request queue',
  timekeeper: 'timekeeper',
  auditor: 'auditor',
  reader: 'reader',
  client: 'client',
}

export class Parts {
  readonly page: Page

  constructor(page: Page) {
    this.page = page
  }

  chart(role: RoleName | 'client'): Locator {
    return this.page.getByRole('group', { name: new RegExp(`^The chart of the ${chartNames[role]}\\b`) })
  }

  /** A server's token in a state of a chart. */
  token(server: number, role: RoleName, state: string): Locator {
    return this.chart(role).getByRole('img', { name: `server ${server} in ${state}`, exact: true })
  }

  /** What the header says of a server. */
  server(server: number): Locator {
    return this.page.getByRole('list', { name: 'Servers' }).getByRole('listitem').nth(server)
  }

  tab(name: string): Locator {
    return this.page.getByRole('tab', { name, exact: true })
  }

  panel(name: string): Locator {
    return this.page.getByRole('tabpanel', { name, exact: true })
  }

  button(name: string | RegExp): Locator {
    return this.page.getByRole('button', { name, exact: true })
  }

  /** Opens a tab of the side column, and answers its panel. */
  async open(name: string): Promise<Locator> {
    await this.tab(name).click()
    return this.panel(name)
  }

  /** How many records are shown, of how many. */
  async place(): Promise<{ readonly shown: number; readonly all: number }> {
    const text = await this.page.locator('.place').innerText()
    const [shown = NaN, all = NaN] = text.split(' of ').map(Number)
    return { shown, all }
  }

  /** Goes to a place of the record, as the slider does. */
  async scrubTo(place: number): Promise<void> {
    await this.page.getByRole('slider', { name: 'Record' }).fill(String(place))
  }

  /** What the page shows, as text that two pages can be compared by: where every token is, and the ledger. */
  async picture(): Promise<{ readonly tokens: readonly string[]; readonly ledger: string }> {
    const ledger = await this.open('Ledger')
    const tokens = await this.page.locator('[data-token]').evaluateAll((found) =>
      found.map((token) => {
        const chart = token.closest('svg')?.getAttribute('aria-label') ?? ''
        return `${chart}: ${token.getAttribute('aria-label')}`
      }),
    )
    return { tokens: [...tokens].sort(), ledger: await ledger.innerText() }
  }
}

/** What axe finds on the whole page, and in the side column with each of its tabs open. */
export async function seriousFaultsInTabs(parts: Parts): Promise<readonly string[]> {
  const faults = [...(await seriousFaults(parts.page, 'body'))]
  for (const name of await parts.page.getByRole('tab').allInnerTexts()) {
    await parts.open(name)
    for (const fault of await seriousFaults(parts.page, '#side')) faults.push(`${name}: ${fault}`)
  }
  return faults
}

/**
 * The CPU time in milliseconds that a page takes until tokens stand in its charts: the least of three views, since other work on this
 * machine makes some of them slower, and none of them faster.
 */
export async function firstViewMs(open: OpenPage, url: string): Promise<number> {
  const views: number[] = []
  while (views.length < 3) {
    const { page, cpuMs } = await open(url)
    await new Parts(page).token(0, 'acceptor', 'listening').waitFor()
    views.push(await cpuMs())
  }
  return Math.min(...views)
}
