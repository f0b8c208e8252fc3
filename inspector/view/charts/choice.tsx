import type { ServerPicture } from '../../../src/inspect/records/picture.ts'
import { chartTitles } from '../../charts/chart-text.ts'
import { charts } from '../../charts/charts.ts'
import type { ChartName } from '../../charts/drawing.ts'
import { partyClass } from '../shell/party-class.ts'

/** The charts that are shown: all, those of one machine, or those of one server. */
export type Shown = 'all' | ChartName | number

interface ChoiceProps {
  readonly shown: Shown
  readonly servers: readonly ServerPicture[]
  readonly show: (shown: Shown) => void
}

/** Selects the charts. For the servers it is also the legend of the tokens. */
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
