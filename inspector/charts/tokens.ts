/** The tokens of a chart: who is in which of its states, and where in the state's box the token goes. */
import type { NodeId } from '../../machines/batch.ts'
import type { RoleName } from '../../machines/inbox.ts'
import { requestName } from '../../src/core/names.ts'
import type { Picture } from '../../src/inspect/records/picture.ts'
import type { Drawing, Rectangle } from './drawing.ts'
import { textWidth } from './text-width.ts'

/** Requests whose tokens the client's chart shows, at most. */
const shownRequests = 6

export interface Token {
  /** The same for as long as it is the same token. */
  readonly key: string
  /** What is written in it: `1`, or `a#1`. */
  readonly label: string
  /** Whose it is; `null` for a client's, and for one that stands for several. */
  readonly server: NodeId | null
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
            server: node,
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
    requests.slice(-share).map(({ seq, machine }) => ({
      key: `${name}#${seq}`,
      label: requestName({ uid: name, seq }),
      server: null,
      isPaused: false,
      state: machine.state,
    })),
  )
}

/** The tokens with their places, side by side; those that have no room are told of by one that says how many they are. */
export function placedTokens(
  tokens: readonly Token[],
  drawing: Drawing,
  idOf: (stateName: string) => string,
): readonly PlacedToken[] {
  const placed = new Map<string, PlacedToken>()
  const more: PlacedToken[] = []
  for (const { id, lane } of drawing.boxes) {
    if (lane === null) continue
    const here = tokens.filter(({ state }) => idOf(state) === id)
    for (const token of inLane(here, lane)) {
      if (token.key.startsWith('+')) more.push(token)
      else placed.set(token.key, token)
    }
  }
  // In the order in which they came, so that a token that moves is the same element.
  return [...tokens.flatMap(({ key }) => placed.get(key) ?? []), ...more]
}

const gap = 3
/** Tokens of servers may overlap like cards, as long as the numbers in them do not. */
const cardPitch = 13

function inLane(tokens: readonly Token[], lane: Rectangle): readonly PlacedToken[] {
  const height = lane.height - 4
  const place = (shown: readonly Token[], squeeze: number) => {
    let { x } = lane
    return shown.map((token): PlacedToken => {
      const width = widthOf(token, height)
      const placed = { ...token, x, y: lane.y + 2, width, height }
      x += (width + gap) * squeeze
      return placed
    })
  }
  for (let count = tokens.length; count >= 0; count -= 1) {
    const left = tokens.length - count
    const shown = left === 0 ? tokens : [...tokens.slice(0, count), moreToken(tokens, left)]
    const last = shown.at(-1)
    if (last === undefined) return []
    const before = shown.slice(0, -1).reduce((sum, token) => sum + widthOf(token, height) + gap, 0)
    const squeeze = before === 0 ? 1 : Math.min(1, (lane.width - widthOf(last, height)) / before)
    const isLegible = shown.every(({ server }) => server !== null && squeeze * (height + gap) >= cardPitch)
    if (squeeze === 1 || isLegible) return place(shown, squeeze)
  }
  return []
}

/** RoleStates for so many that are not shown. */
function moreToken([first]: readonly Token[], count: number): Token {
  const state = first?.state ?? ''
  return { key: `+${state}`, label: `+${count}`, server: null, isPaused: false, state }
}

function widthOf({ label }: Token, height: number): number {
  return label.length === 1 ? height : Math.max(height, Math.ceil(textWidth(label, 11, 'bold')) + 8)
}
