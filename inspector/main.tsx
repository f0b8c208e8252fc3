import './styles.css'
import { render } from 'preact'
import { isPlaygroundLink } from '../src/transcript/link.ts'
import { Frames } from './model/frames.ts'
import { Store } from './model/store.ts'
import { acceptDroppedFiles, followAddress } from './playground/address.ts'
import { PlaygroundPanel } from './playground/panel.tsx'
import { Playground } from './playground/playground.ts'
import { connectTo, keptToken, Live } from './source/live.ts'
import { browserScreen } from './source/screen.ts'
import { Tour, TourStep } from './tour/tour.tsx'
import { App, type ExtraTab } from './view/app.tsx'

/** The mode of the build: `live`, for a hub to serve, or `playground`, for any static host. */
const mode = document.querySelector<HTMLMetaElement>('meta[name="paxos-inspector"]')?.content

const root = document.getElementById('app')
if (root === null) throw new Error('the page has no element #app: build it with scripts/build-inspector.ts')
/** A live page contains the playground too. The address selects one of them. */
const isPlayground = () => mode === 'playground' || isPlaygroundLink(location.hash)
const isPlaying = isPlayground()
const store: Store = new Store(
  isPlaying ? { kind: 'playground' } : { kind: 'live', state: 'connecting' },
  new Frames(browserScreen((isSlow) => store.setSlow(isSlow))).schedule,
)
const playground = isPlaying
  ? new Playground(store, (run, everyMs) => {
      const timer = setInterval(run, everyMs)
      return () => clearInterval(timer)
    })
  : null
if (playground !== null) {
  acceptDroppedFiles(playground, document)
  void followAddress(playground, window)
}
const token = playground === null ? keptToken(location.hash, sessionStorage) : null
const live =
  playground === null
    ? new Live({
        store,
        connect: connectTo(`ws://${location.host}/pages`),
        token,
        later: (run, ms) => setTimeout(run, ms),
      })
    : null
addEventListener('hashchange', () => {
  // A link within the page does not change the mode.
  const isOnPage = document.getElementById(location.hash.slice(1)) !== null
  if (!isOnPage && isPlayground() !== isPlaying) location.reload()
})
const extraTabs: ExtraTab[] =
  playground === null
    ? []
    : [
        {
          id: 'next',
          label: 'Next',
          panel: (part) => <PlaygroundPanel {...part} playground={playground} />,
        },
        { id: 'tour', label: 'Tour', panel: () => <Tour playground={playground} /> },
      ]
const aboveTabs = playground === null ? null : <TourStep playground={playground} />
// The stored token serves the page that the link opens.
const liveHref = mode === 'live' && isPlaying ? '#live' : null
// Without the token the hub refuses every command.
const control = live === null || token === null ? null : live.control
render(
  <App store={store} control={control} extraTabs={extraTabs} aboveTabs={aboveTabs} liveHref={liveHref} />,
  root,
)
