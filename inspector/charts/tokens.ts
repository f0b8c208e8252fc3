/** The tokens of a chart: the servers and sessions in each state, and the places of their tokens in the state's box. */
import type { NodeId } from '../../machines/batch.ts'
import type { RoleName } from '../../machines/inbox.ts'
import { sessionName } from '../../src/core/names.ts'
import type { ShownSession } from '../../src/inspect/records/machine-state.ts'
import type { Picture } from '../../src/inspect/records/picture.ts'
import type { MachineState } from '../../src/inspect/records/record.ts'
import type { Drawing, Rectangle } from './drawing.ts'
import { textWidth } from './text-width.ts'

/** The most sessions whose tokens the client's chart shows. */
const shownSessions = 6

export interface Token {
  /** Identifies the token while it moves. */
  readonly key: string
  /** Its text: `1`, or `a`; `a 3` for a session with three open requests. */
  readonly label: string
  /** Its server; `null` for a client's token, and for a token that stands for several. */
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

/** A token for each running server. */
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

/** A token for each of the latest sessions of the clients, the same number for each client. */
export function clientTokens({ clients }: Pick<Picture, 'clients'>): readonly Token[] {
  const lately = clients.slice(-shownSessions)
  const share = Math.max(1, Math.floor(shownSessions / Math.max(1, lately.length)))
  return lately.flatMap(({ sessions }) =>
    sessions.slice(-share).map(({ uid, machine }) => ({
      key: uid,
      label: sessionLabel(uid, openRequests(machine)),
      server: null,
      isPaused: false,
      state: machine.state,
    })),
  )
}

function sessionLabel(uid: string, open: number): string {
  return open > 1 ? `${sessionName(uid)} ${open}` : sessionName(uid)
}

/** The number of open requests in the context of a session; 0 when the context has another shape. */
function openRequests({ context }: MachineState): number {
  const { requests } = (context ?? {}) as { readonly requests?: Partial<ShownSession> }
  const { asked = 0, held = 0, backlog = 0 } = requests ?? {}
  return asked + held + backlog
}

/** The tokens with their places, side by side. A token with a count stands for those without room. */
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
  // In the original order, so that a moving token keeps its element.
  return [...tokens.flatMap(({ key }) => placed.get(key) ?? []), ...more]
}

const gap = 3
/** Tokens of servers may overlap like cards, as long as their numbers do not. */
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

/** A token for several that are not shown. */
function moreToken([first]: readonly Token[], count: number): Token {
  const state = first?.state ?? ''
  return { key: `+${state}`, label: `+${count}`, server: null, isPaused: false, state }
}

function widthOf({ label }: Token, height: number): number {
  return label.length === 1 ? height : Math.max(height, Math.ceil(textWidth(label, 11, 'bold')) + 8)
}
