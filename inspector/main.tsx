import './styles.css'
import { render } from 'preact'
import { Store } from './model/store.ts'
import { App } from './view/app.tsx'

/** How the page was built: `live`, for a hub to serve, or `playground`, for any static host. */
const mode = document.querySelector<HTMLMetaElement>('meta[name="paxos-inspector"]')?.content

const root = document.getElementById('app')
if (root === null)
  throw new Error('the page has no element #app: it was not built by scripts/build-inspector.ts')
const store = new Store(
  mode === 'playground' ? { kind: 'playground' } : { kind: 'live', state: 'connecting' },
  (run) => requestAnimationFrame(run),
)
render(<App store={store} />, root)
