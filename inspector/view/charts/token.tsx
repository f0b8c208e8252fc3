import type { PlacedToken } from '../../charts/tokens.ts'

/** The class that gives a server's colour, or a client's. */
export function colourClass(colour: number | null): string {
  return colour === null ? 'is-client' : `is-server-${colour}`
}

/** The tokens in their places. One that changes its state glides there. */
export function Tokens({ tokens }: { readonly tokens: readonly PlacedToken[] }) {
  return (
    <g>
      {tokens.map(({ key, label, colour, isPaused, state, x, y, width, height }) => (
        // biome-ignore lint/a11y/noInteractiveElementToNoninteractiveRole: nothing is done with it
        <g
          key={key}
          class={`chart-token ${colourClass(colour)}${isPaused ? ' is-paused' : ''}`}
          style={{ transform: `translate(${x}px, ${y}px)` }}
          data-token={key}
          role="img"
          aria-label={`${colour === null ? 'request' : 'server'} ${label} in ${state}`}
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
