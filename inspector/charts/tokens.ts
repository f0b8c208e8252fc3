/** The tokens of a chart: who is in which of its states, and where in the state's box the token goes. */
import type { RoleName } from '../../machines/inbox.ts'
import type { Picture } from '../model/picture.ts'
import type { Drawing, Rectangle } from './drawing.ts'
import { textWidth } from './text-width.ts'

/** Requests whose tokens the client's chart shows, at most. */
const shownRequests = 6

export interface Token {
  /** The same for as long as it is the same token. */
  readonly key: string
  /** What is written in it: `1`, or `a#1`. */
  readonly label: string
  /** A server's colour, `null` for a client's. */
  readonly colour: number | null
  readonly isPaused: boolean
  /** The name of the state, as `stateName` writes it. */
  readonly state: string
}

export interface PlacedToken extends Token {
  readonly x: number
  readonly y: number
  /** The token's own. */
  readonly width: number
  readonly height: number
}

/** A token for each server that runs. */
export function roleTokens({ servers }: Pick<Picture, 'servers'>, role: RoleName): readonly Token[] {
  return servers.flatMap(({ node, roles, state }) =>
    roles === null
      ? []
      : [
          {
            key: String(node),
            label: String(node),
            colour: node % 7,
            isPaused: state === 'paused',
            state: roles[role].state,
          },
        ],
  )
}

/** A token for each of the latest requests of the clients, the same share for each of them. */
export function clientTokens({ clients }: Pick<Picture, 'clients'>): readonly Token[] {
  const lately = clients.slice(-shownRequests)
  const share = Math.max(1, Math.floor(shownRequests / Math.max(1, lately.length)))
  return lately.flatMap(({ name, requests }) =>
    requests.slice(-share).map(({ seq, stand }) => ({
      key: `${name}#${seq}`,
      label: `${name}#${seq}`,
      colour: null,
      isPaused: false,
      state: stand.state,
    })),
  )
}

/** The tokens with their places, side by side; where there is no room for all, they overlap like cards. */
export function placedTokens(
  tokens: readonly Token[],
  drawing: Drawing,
  idOf: (stateName: string) => string,
): readonly PlacedToken[] {
  const placed = new Map<string, PlacedToken>()
  for (const box of drawing.boxes) {
    if (box.lane === null) continue
    const here = tokens.filter(({ state }) => idOf(state) === box.id)
    for (const token of inLane(here, box.lane)) placed.set(token.key, token)
  }
  // In the order in which they came, so that a token that moves is the same element.
  return tokens.flatMap(({ key }) => placed.get(key) ?? [])
}

function inLane(tokens: readonly Token[], lane: Rectangle): readonly PlacedToken[] {
  const height = lane.height - 4
  const widths = tokens.map(({ label, colour }) =>
    colour === null ? Math.max(height, Math.ceil(textWidth(label, 11, 'bold')) + 8) : height,
  )
  const last = widths.at(-1) ?? 0
  const sum = widths.slice(0, -1).reduce((total, width) => total + width + 3, 0)
  const squeeze = sum === 0 ? 1 : Math.min(1, (lane.width - last) / sum)
  let x = lane.x
  return tokens.map((token, index) => {
    const width = widths[index] ?? height
    const place = { ...token, x, y: lane.y + 2, width, height }
    x += (width + 3) * squeeze
    return place
  })
}
