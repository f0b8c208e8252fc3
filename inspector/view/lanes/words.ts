/** What the lanes say in words: of dots and arrows, for those who do not see them, and above what was selected. */
import type { PartyName } from '../../../src/inspect/record.ts'
import { messageLabel, shortName } from '../../model/lane-messages.ts'
import type { Arrow, ArrowState, Dot, LaneModel } from '../../model/lanes.ts'

/** `server 0`, `client a`. */
export function partyText(party: PartyName): string {
  return typeof party === 'number' ? `server ${party}` : `client ${shortName(party)}`
}

/** `accept 1.0 #4 from server 0 to server 1, lost: the way is cut`. */
export function arrowText(arrow: Arrow, state: ArrowState): string {
  const { message, from, to, isCopy } = arrow
  const copy = isCopy ? ' (a further copy)' : ''
  return `${messageLabel(message)}${copy} from ${partyText(from)} to ${partyText(to)}, ${fateText(arrow, state)}`
}

/** What became of a message. */
export function fateText({ fate, reason }: Arrow, state: ArrowState): string {
  const why = reason === null ? '' : `: ${reason}`
  switch (state) {
    case 'lost':
      return `lost${why}`
    case 'heard':
      return fate === null ? 'heard' : `${fate}${why}; heard`
    case 'own':
      return 'heard at once'
    case 'flying':
      return fate === null ? 'not heard yet' : `${fate}${why}; not heard yet`
    case 'unheard':
      return 'not heard of: its receiver ended, or went on without it'
    case 'unknown':
      return 'not known: records of its receiver were left out'
    case 'unseen':
      return 'to a client that tells nothing'
  }
  state satisfies never
  return ''
}

/** `server 1 hears accept 1.0 #4 from server 0, executes #3`. */
export function dotText(dot: Dot, model: Pick<LaneModel, 'arrowsAt'>): string {
  const { party, executed } = dot
  const more = executed.length === 0 ? '' : `, executes ${executed.map((at) => `#${at}`).join(' ')}`
  return `${partyText(party)} ${causeText(dot, model)}${more}`
}

function causeText({ what, at, leftOut }: Dot, model: Pick<LaneModel, 'arrowsAt'>): string {
  switch (what) {
    case 'hear':
    case 'request':
    case 'client': {
      const heard = model.arrowsAt(at).find(({ heardAt }) => heardAt === at)
      if (heard !== undefined) return `hears ${messageLabel(heard.message)} from ${partyText(heard.from)}`
      return what === 'client' ? 'asks, or its timer fires' : 'hears a message'
    }
    case 'start':
      return 'starts'
    case 'timer':
      return 'has a timer fire'
    case 'synced':
      return 'has synced its disk'
    case 'tell':
      return 'tells a role'
    case 'gone':
      return 'is gone'
    case 'paused':
      return 'is paused'
    case 'resumed':
      return 'goes on'
    case 'gap':
      return `has ${leftOut} records left out`
  }
  what satisfies never
  return ''
}
