import type { PlacedToken } from '../../charts/tokens.ts'
import { partyClass } from '../shell/party-class.ts'

/** The tokens in their places. A token that changes its state moves there smoothly. */
export function Tokens({ tokens }: { readonly tokens: readonly PlacedToken[] }) {
  return (
    <g>
      {tokens.map(({ key, label, server, isPaused, state, x, y, width, height }) => (
        // biome-ignore lint/a11y/noInteractiveElementToNoninteractiveRole: nothing is done with it
        <g
          key={key}
          class={`chart-token ${partyClass(server)}${isPaused ? ' is-paused' : ''}`}
          style={{ transform: `translate(${x}px, ${y}px)` }}
          data-token={key}
          role="img"
          aria-label={`${server === null ? 'request' : 'server'} ${label} in ${state}`}
        >
          <rect width={width} height={height} rx={height / 2} />
          <text x={width / 2} y={height / 2 + 4}>
            {label}
          </text>
        </g>
      ))}
    </g>
  )
}
