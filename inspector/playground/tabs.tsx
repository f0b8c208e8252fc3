import { Tour } from '../tour/tour.tsx'
import type { ExtraTab } from '../view/app.tsx'
import { PlaygroundPanel } from './panel.tsx'
import type { Playground } from './playground.ts'

/** What the side column of a playground holds beside what it holds anyway. */
export function playgroundTabs(playground: Playground): readonly ExtraTab[] {
  return [
    { id: 'next', label: 'Next', panel: (part) => <PlaygroundPanel {...part} playground={playground} /> },
    { id: 'tour', label: 'Tour', panel: () => <Tour playground={playground} /> },
  ]
}
