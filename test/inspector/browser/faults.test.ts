/** What is done to a real cluster from the page happens, and is seen. */
import { join } from 'node:path'
import type { Locator } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { inBrowser, screenshotFolder } from './in-browser.ts'
import { LiveCluster } from './live-cluster.ts'
import { Parts } from './page-parts.ts'

await inBrowser('faults from the page', (open) => {
  let cluster: LiveCluster
  let parts: Parts

  beforeAll(async () => {
    cluster = await LiveCluster.start()
  })

  afterAll(() => cluster?.close())

  async function faults(): Promise<Locator> {
    parts = new Parts((await open(cluster.url)).page)
    await parts.server(2).getByText('up').waitFor()
    return parts.open('Faults')
  }

  /** Below which instance a server knows everything that was chosen, as the ledger tells. */
  async function chosenBelow(server: number): Promise<number> {
    const ledger = await parts.open('Ledger')
    return Number(
      await ledger.locator('thead tr').filter({ hasText: 'below' }).locator('td').nth(server).innerText(),
    )
  }

  /** The lanes' words for what happened to a message or at a server. */
  function inLanes(name: RegExp): Locator {
    return parts.page.getByRole('application', { name: /^Messages/ }).getByRole('button', { name })
  }

  // The first, since nobody leads yet: a leader needs no promise.
  test('a timer is fired, and its server prepares again', async () => {
    const panel = await faults()
    const drop = async (message: string, to: string) => {
      await panel.getByRole('combobox', { name: /^Message/ }).selectOption(message)
      await panel.getByRole('combobox', { name: /^To/ }).selectOption(to)
      await parts.button('Add rule').click()
      await panel
        .getByText(new RegExp(`drop ${message} from any party to`))
        .first()
        .waitFor()
    }
    await drop('promise', 'any')
    // Server 0 alone is asked, so that it has no rival.
    await drop('request', '1')
    await drop('request', '2')
    await panel.getByText('drop request from any party to server 2').waitFor()
    await panel.getByLabel('Name').fill('slow')
    await parts.button('Lock').click()
    await parts.token(0, 'proposer', 'preparing').waitFor()
    await parts.button('proposer: retransmitInterval of server 0, fire now').click()
    await panel.getByText('retransmitInterval of the proposer of server 0 has fired').waitFor()
    await inLanes(/server 0 reaches the end of its proposer's retransmitInterval.*sends to .*prepare/)
      .first()
      .waitFor()
    expect(await panel.getByText('lock slow: waits').count()).toBe(1)
    await parts.button('Remove all').click()
    await panel.getByText('locked slow token').waitFor()
    await parts.button('Unlock').click()
    await panel.getByText('unlocked slow').waitFor()
    // Who asks for the page is called one thing wherever it is shown.
    const ledger = await parts.open('Ledger')
    await ledger.getByText('inspector#1 lock slow').first().waitFor()
  })

  test('a server that is dragged away hears nothing, and hears again when it is healed', async () => {
    const panel = await faults()
    const map = (await panel.getByRole('group', { name: /^Network/ }).boundingBox())!
    const server = (await panel.getByRole('button', { name: /^server 2, / }).boundingBox())!
    const { mouse } = parts.page
    await mouse.move(server.x + server.width / 2, server.y + server.height / 2)
    await mouse.down()
    await mouse.move(map.x + 60, map.y + map.height - 60, { steps: 4 })
    await mouse.move(map.x + 4, map.y + map.height - 4)
    await mouse.up()
    await panel.getByText('servers 0 and 2 are cut apart').waitFor()
    await panel.getByText('servers 1 and 2 are cut apart').waitFor()
    expect(await panel.getByText('servers 0 and 1 are cut apart').count()).toBe(0)
    await cluster.take('apart')
    await inLanes(/accept .*(dropped|lost)/)
      .first()
      .waitFor()
    await parts.page.screenshot({ path: join(screenshotFolder, 'faults-apart.png') })
    await parts.button('Heal').click()
    await panel.getByText('No rules.').waitFor()
    const knownApart = await chosenBelow(2)
    await cluster.take('together')
    await expect.poll(() => chosenBelow(2), { timeout: 15_000 }).toBeGreaterThan(knownApart)
  })

  test('the keyboard cuts a server off and heals it, and both are marked in the lanes', async () => {
    const panel = await faults()
    const server = panel.getByRole('button', { name: /^server 1, / })
    await server.press('Enter')
    await panel.getByText('servers 0 and 1 are cut apart').waitFor()
    await panel.getByText('servers 1 and 2 are cut apart').waitFor()
    await parts.page.locator('.lane-links.what-cut').first().waitFor({ state: 'attached' })
    await server.press('Enter')
    await panel.getByText('No rules.').waitFor()
    await parts.page.locator('.lane-links.what-healed').first().waitFor({ state: 'attached' })
  })

  test('a server is paused, and goes on', async () => {
    await faults()
    await parts.button('Pause server 2').click()
    await parts.server(2).getByText('paused').waitFor()
    await cluster.take('meanwhile')
    await parts.button('Resume server 2').click()
    await parts.server(2).getByText('up').waitFor()
  })

  test('a server crashes, and starts again with what is on its disk', async () => {
    await faults()
    await parts.button('Crash server 1').click()
    await parts.server(1).getByText('gone').waitFor()
    expect(await parts.page.getByRole('img', { name: /^server 1 in / }).count()).toBe(0)
    await cluster.take('without')
    await parts.button('Restart server 1').click()
    await parts.server(1).getByText('up').waitFor()
    await parts.token(1, 'acceptor', 'listening').waitFor()
    const ledger = await parts.open('Ledger')
    await ledger.getByText('unlock without').first().waitFor()
  })

  test('from the playground a link leads back to the cluster, and what may be done there may still be done', async () => {
    await faults()
    await parts.page.getByRole('link', { name: 'Playground' }).click()
    await parts.tab('Next').waitFor()
    await parts.page.getByRole('link', { name: 'Live' }).click()
    await parts.server(2).getByText('up').waitFor()
    await parts.open('Faults')
    await parts.button('Crash server 0').waitFor()
  })

  test('in a chart the arrow keys lead from state to state, each with what it is for', async () => {
    await faults()
    const chart = parts.chart('proposer')
    const tip = parts.page.getByRole('tooltip')
    await chart.locator('[data-state][tabindex="0"]').focus()
    const first = await tip.innerText()
    await parts.page.keyboard.press('ArrowDown')
    await expect.poll(() => tip.innerText()).not.toBe(first)
    expect(await tip.getByText('Paxos Made Simple').count()).toBeGreaterThan(0)
    await parts.page.keyboard.press('ArrowUp')
    await expect.poll(() => tip.innerText()).toBe(first)
    await parts.page.keyboard.press('Escape')
    await tip.waitFor({ state: 'detached' })
  })
})
