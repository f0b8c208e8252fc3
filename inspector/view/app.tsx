import { useEffect, useState } from 'preact/hooks'
import type { Store, View } from '../model/store.ts'
import { PlaygroundPanel } from '../playground/panel.tsx'
import type { Playground } from '../playground/playground.ts'
import { Charts } from './charts/charts.tsx'
import { Lanes } from './lanes/lanes.tsx'

interface AppProps {
  readonly store: Store
  /** `null` on a live page. */
  readonly playground: Playground | null
}

export function App({ store, playground }: AppProps) {
  const [view, setView] = useState<View>(store.view)
  useEffect(() => store.subscribe(setView), [store])
  return (
    <main>
      <h1>Paxos inspector</h1>
      <Charts view={view} store={store} />
      <Lanes view={view} store={store} />
      {playground && <PlaygroundPanel view={view} store={store} playground={playground} />}
    </main>
  )
}
