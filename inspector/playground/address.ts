/** Keeps the page's address equal to the playground's state, so that the address is a link to it. Also opens dropped files. */
import { isPlaygroundLink } from '../../src/transcript/link.ts'
import type { Playground } from './playground.ts'

/** Browsers limit how often an address may change. */
const quietMs = 400

/** A larger file is not a transcript, and would fill the page's memory. */
const mostBytes = 200_000_000

/** Opens the link in the address, and from then on writes the playground's state there. */
export async function followAddress(playground: Playground, page: Window): Promise<void> {
  const { location, history } = page
  let shown = location.hash
  if (isPlaygroundLink(shown)) await playground.openLink(shown)
  let { session, plan } = playground.state
  let timer = 0
  const write = async () => {
    const link = await playground.link()
    if (link === location.hash) return
    shown = link
    history.replaceState(null, '', link)
  }
  playground.subscribe((state) => {
    if (state.session === session && state.plan === plan) return
    session = state.session
    plan = state.plan
    page.clearTimeout(timer)
    timer = page.setTimeout(() => void write(), quietMs)
  })
  page.addEventListener('hashchange', () => {
    if (location.hash === shown || !isPlaygroundLink(location.hash)) return
    shown = location.hash
    void playground.openLink(shown)
  })
}

/** Opens a file that is dropped anywhere on the page. */
export function acceptDroppedFiles(playground: Playground, target: Document): void {
  target.addEventListener('dragover', (event) => {
    if (event.dataTransfer?.types.includes('Files')) event.preventDefault()
  })
  target.addEventListener('drop', (event) => {
    const file = event.dataTransfer?.files[0]
    if (file === undefined) return
    event.preventDefault()
    void openFile(playground, file)
  })
}

/** Opens a transcript or a recording. */
export async function openFile(playground: Playground, file: File): Promise<void> {
  if (file.size > mostBytes) {
    playground.report(`${file.name} has ${file.size} bytes, and the limit is ${mostBytes}`)
    return
  }
  try {
    playground.open(file.name, await file.text())
  } catch (error) {
    playground.report(`${file.name} cannot be read: ${(error as Error).message}`)
  }
}
