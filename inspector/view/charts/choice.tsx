import type { ServerPicture } from '../../../src/inspect/records/picture.ts'
import { chartTitles } from '../../charts/chart-text.ts'
import { charts } from '../../charts/charts.ts'
import type { ChartName } from '../../charts/drawing.ts'
import { partyClass } from '../shell/party-class.ts'

/** Which charts are shown: all, one machine's, or one server's. */
export type Shown = 'all' | ChartName | number

interface ChoiceProps {
  readonly shown: Shown
  readonly servers: readonly ServerPicture[]
  readonly show: (shown: Shown) => void
}

/** Chooses what is shown; for the servers it is the legend of the tokens too. */
export function Choice({ shown, servers, show }: ChoiceProps) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: these are no fields of a form
    <div class="charts-choice" role="group" aria-label="Which charts">
      <button type="button" aria-pressed={shown === 'all'} onClick={() => show('all')}>
        All
      </button>
      {charts.map(({ name }) => (
        <button key={name} type="button" aria-pressed={shown === name} onClick={() => show(name)}>
          {chartTitles[name]}
        </button>
      ))}
      {servers.map(({ node, state, reason }) => (
        <button
          key={node}
          type="button"
          class={`is-server is-${state} ${partyClass(node)}`}
          aria-pressed={shown === node}
          title={reason === null ? `Server ${node}: ${state}` : `Server ${node}: ${state}, ${reason}`}
          onClick={() => show(node)}
        >
          Server <span class="charts-mark">{node}</span>
          {state !== 'up' && ` ${state}`}
        </button>
      ))}
    </div>
  )
}
