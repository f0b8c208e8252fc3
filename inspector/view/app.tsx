import { useEffect, useState } from 'preact/hooks'
import type { Store, View } from '../model/store.ts'
import { Charts } from './charts/charts.tsx'
import { Lanes } from './lanes/lanes.tsx'

export function App({ store }: { readonly store: Store }) {
  const [view, setView] = useState<View>(store.view)
  useEffect(() => store.subscribe(setView), [store])
  return (
    <main>
      <h1>Paxos inspector</h1>
      <Charts view={view} store={store} />
      <Lanes view={view} store={store} />
    </main>
  )
}
